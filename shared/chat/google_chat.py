"""Cards as Google Chat has them, and the dialogs that their buttons open. Pure.

https://developers.google.com/workspace/chat/api/reference/rest/v1/cards (read 2026-11-30). Text of widgets takes a few
HTML tags, so all that others wrote is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.chat.card import Card, Press
from shared.chat.reading import at, list_at, object_at, text_at
from shared.gate.inputs import Input
from shared.task.schemas import CAUSES

COMMENT, CAUSE, PRESS = "comment", "cause", "press"

Json = dict[str, Any]


def message(card: Card) -> Json:
    """Return a message: what would happen, with buttons; or, once it is decided, by whom."""
    widgets = [
        {"decoratedText": {"topLabel": name, "text": _safe(value), "wrapText": True}} for name, value in card.facts
    ]
    if card.words:
        widgets.append(_paragraph(f"“{_safe(card.words)}”"))
    if card.plan:
        widgets.append(_paragraph(f"<b>Effect</b>: {_safe(card.plan)}"))
    widgets += [_paragraph(f"<b>{_safe(by)}</b> noted: {_safe(text)}") for by, text in card.notes]
    if card.verdict:
        said = f"<b>{card.verdict.words}</b> by {_safe(card.verdict.by)}, {_moment(card.verdict.at)}"
        widgets.append(_paragraph(said))
    elif card.expires_at:
        widgets.append(_paragraph(f"Expires {_moment(card.expires_at)}"))
    if buttons := _buttons(card):
        widgets.append({"buttonList": {"buttons": buttons}})
    said = card.verdict.words if card.verdict else "Waits for a decision"
    shown = {"header": {"title": card.title, "subtitle": said}, "sections": [{"widgets": widgets}]}
    return {"text": f"{said}: {card.title}", "cardsV2": [{"cardId": "task", "card": shown}]}


def approve_dialog(card: Card) -> Json:
    """Return the dialog that asks whether to approve: Google Chat has no confirmation of its own."""
    asked = [_paragraph(f"<b>{_safe(card.title)}</b>"), *([_paragraph(_safe(card.plan))] if card.plan else [])]
    return dialog([*asked, _comment()], "approve", "Approve", card)


def reject_dialog(card: Card) -> Json:
    """Return the dialog that asks why."""
    items = [{"text": c.replace("_", " "), "value": c, "selected": c == "other"} for c in CAUSES]
    cause = {"name": CAUSE, "label": "What was wrong with the suggestion?", "type": "DROPDOWN", "items": items}
    return dialog([_paragraph(_safe(card.title)), {"selectionInput": cause}, _comment()], "reject", "Reject", card)


def edit_dialog(card: Card, inputs: Sequence[Input], error: str = "") -> Json:
    """Return the dialog with the parameters as they are, or as somebody typed them; `error` says what does not hold."""
    head = [_paragraph(f"<b>{_safe(error)}</b>")] if error else []
    return dialog([*head, *map(_input, inputs), _comment()], "edit", "Approve", card)


def dialog(widgets: Sequence[Json], function: str, label: str, card: Card) -> Json:
    """Return the answer that opens a dialog with one button."""
    widgets = [*widgets, {"buttonList": {"buttons": [_button(function, label, card)]}}]
    shown = {"body": {"header": {"title": card.title}, "sections": [{"widgets": widgets}]}}
    return {"actionResponse": {"type": "DIALOG", "dialogAction": {"dialog": shown}}}


def closed(words: str, *, is_good: bool) -> Json:
    """Return the answer that ends a dialog and says how it went."""
    status = {"statusCode": "OK" if is_good else "INVALID_ARGUMENT", "userFacingMessage": words}
    return {"actionResponse": {"type": "DIALOG", "dialogAction": {"actionStatus": status}}}


def typed(event: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in a submitted dialog, by the name of the input; what is empty is left out."""
    inputs = object_at(event, "common", "formInputs")
    found = {name: text_at(value, "stringInputs", "value", 0) for name, value in inputs.items()}
    return {name: text for name, text in found.items() if text}


def pressed(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return which button was pressed, and its value."""
    values = [text_at(p, "value") for p in list_at(event, "action", "parameters") if at(p, "key") == PRESS]
    return text_at(event, "action", "actionMethodName"), values[0] if values else ""


def _buttons(card: Card) -> list[Json]:
    labels = {"approve": "Approve", "edit": "Edit", "reject": "Reject", "take": "Take it", "undo": "Undo"}
    found = [_button(door, labels[door], card, opens=True) for door in card.doors]
    if card.url:
        found.append({"text": "Open", "onClick": {"openLink": {"url": card.url}}})
    return found


def _button(function: str, label: str, card: Card, *, opens: bool = False) -> Json:
    value = Press(card.task_id, card.look).text()
    action: Json = {"function": function, "parameters": [{"key": PRESS, "value": value}]}
    return {"text": label, "onClick": {"action": action | ({"interaction": "OPEN_DIALOG"} if opens else {})}}


def _input(field: Input) -> Json:
    if field.kind in ("choice", "flag"):
        names = field.options if field.kind == "choice" else ("", "yes")
        items = [{"text": name or "no", "value": name, "selected": name == field.value} for name in names]
        chosen = {"name": field.name, "label": field.label, "type": "DROPDOWN", "items": items}
        return {"selectionInput": chosen}
    hint = field.problem or field.hint
    text: Json = {"name": field.name, "label": field.label, "value": field.value, "hintText": hint}
    return {"textInput": text | ({"type": "MULTIPLE_LINE"} if field.kind == "long" else {"type": "SINGLE_LINE"})}


def _comment() -> Json:
    return {"textInput": {"name": COMMENT, "label": "Comment", "type": "MULTIPLE_LINE"}}


def _paragraph(text: str) -> Json:
    return {"textParagraph": {"text": text}}


def _safe(text: str) -> str:
    return html.escape(text)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
