"""Cards as Slack's Block Kit has them, and the modals that their buttons open. Pure.

https://docs.slack.dev/reference/block-kit (read 2026-11-30). What others wrote stands in `plain_text`, where nothing
becomes a link, a mention or a channel; Slack itself shows times in the reader's own zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.chat.card import MAX_TYPED_CHARS, Card, Door, Press
from shared.chat.reading import list_at, object_at, text_at
from shared.gate.inputs import Input
from shared.task.schemas import CAUSES

MAX_TITLE_CHARS = 150
MAX_SECTION_CHARS = 2900
MAX_MODAL_TITLE_CHARS = 24
COMMENT, CAUSE = "comment", "cause"
LABELS: Mapping[Door, str] = {"take": "Take it", "undo": "Undo"}

Json = dict[str, Any]


def message(card: Card) -> Json:
    """Return a message: what would happen, with buttons; or, once it is decided, by whom."""
    blocks: list[Json] = [
        {"type": "header", "text": _plain(card.title[:MAX_TITLE_CHARS])},
        {"type": "section", "fields": [_plain(f"{name}: {value}") for name, value in card.facts]},
    ]
    if card.words:
        blocks.append({"type": "section", "text": _plain(f"“{card.words}”")})
    if card.plan:
        blocks.append({"type": "section", "text": _plain(f"Effect: {card.plan}")})
    blocks += [{"type": "section", "text": _plain(f"{by} noted: {text}")} for by, text in card.notes]
    blocks += [_verdict(card), *_open(card)] if card.verdict else _open(card)
    said = card.verdict.words if card.verdict else "Waits for a decision"
    return {"text": f"{said}: {escaped(card.title)}", "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def reject_view(card: Card, private: str) -> Json:
    """Return the modal that asks why; `private` comes back with it."""
    options = [{"text": _plain(cause.replace("_", " ")), "value": cause} for cause in CAUSES]
    return _view(
        "reject",
        "Reject",
        private,
        [
            {"type": "section", "text": _plain(card.title)},
            {
                "type": "input",
                "block_id": CAUSE,
                "label": _plain("What was wrong with the suggestion?"),
                "element": {
                    "type": "static_select",
                    "action_id": CAUSE,
                    "options": options,
                    "initial_option": next(o for o in options if o["value"] == "other"),
                },
            },
            _comment(),
        ],
    )


def edit_view(card: Card, inputs: Sequence[Input], private: str) -> Json:
    """Return the modal with the parameters as they are; `private` comes back with it."""
    blocks = [{"type": "section", "text": _plain(card.title)}, *map(_input, inputs), _comment()]
    return _view("edit", "Edit and approve", private, blocks)


def typed(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in a submitted modal, by the name of the input; what is empty is left out."""
    found: dict[str, str] = {}
    for name, block in object_at(view, "state", "values").items():
        element: Any = next(iter(object_at(block).values()), None)
        ticked = [text_at(option, "value") for option in list_at(element, "selected_options")]
        text = text_at(element, "value") or text_at(element, "selected_option", "value") or " ".join(ticked)
        if text:
            found[name] = text
    return found


def escaped(text: str) -> str:
    """Return a text in which nothing is markup: https://docs.slack.dev/messaging/formatting-message-text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _open(card: Card) -> list[Json]:
    """Return the buttons and the time that is left."""
    value, buttons = Press(card.task_id, card.look).text(), []
    if "approve" in card.doors:
        sure = {
            "title": _plain("Approve?"),
            "text": _plain((card.plan or card.title)[:300]),
            "confirm": _plain("Approve"),
            "deny": _plain("Back"),
        }
        buttons.append(_button("approve", "Approve", value) | {"style": "primary", "confirm": sure})
    if "edit" in card.doors:
        buttons.append(_button("edit", "Edit", value))
    if "reject" in card.doors:
        buttons.append(_button("reject", "Reject", value) | {"style": "danger"})
    buttons += [_button(door, LABELS[door], value) for door in card.doors if door in LABELS]
    if card.url and not card.verdict:
        buttons.append(_button("open", "Open", value) | {"url": card.url})
    blocks: list[Json] = [{"type": "actions", "elements": buttons}] if buttons else []
    if card.expires_at:
        blocks.append({"type": "context", "elements": [_mrkdwn(f"Expires {_moment(card.expires_at)}")]})
    return blocks


def _verdict(card: Card) -> Json:
    assert card.verdict is not None
    text = f"*{card.verdict.words}* by {escaped(card.verdict.by)}, {_moment(card.verdict.at)}"
    opens = f" · <{card.url}|Open>" if card.url else ""
    return {"type": "context", "elements": [_mrkdwn(text + opens)]}


def _view(callback: str, title: str, private: str, blocks: list[Json]) -> Json:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": _plain(title[:MAX_MODAL_TITLE_CHARS]),
        "submit": _plain("Approve" if callback == "edit" else title),
        "close": _plain("Back"),
        "private_metadata": private,
        "blocks": blocks,
    }


def _comment() -> Json:
    element = {"type": "plain_text_input", "action_id": COMMENT, "multiline": True, "max_length": 1000}
    return {"type": "input", "block_id": COMMENT, "optional": True, "label": _plain("Comment"), "element": element}


def _input(field: Input) -> Json:
    block: Json = {
        "type": "input",
        "block_id": field.name,
        "optional": not field.required,
        "label": _plain(field.label[:MAX_SECTION_CHARS]),
        "element": _element(field),
    }
    return block | ({"hint": _plain(field.hint[:MAX_SECTION_CHARS])} if field.hint else {})


def _element(field: Input) -> Json:
    """Return what takes the value; Slack refuses an initial value that is empty."""
    if field.kind in ("choice", "flag"):
        names = field.options if field.kind == "choice" else ("yes",)
        options = [{"text": _plain(name), "value": name} for name in names]
        chosen = [option for option in options if option["value"] == field.value]
        if field.kind == "flag":
            element: Json = {"type": "checkboxes", "action_id": field.name, "options": options}
            return element | ({"initial_options": options} if field.value else {})
        element = {"type": "static_select", "action_id": field.name, "options": options}
        return element | ({"initial_option": chosen[0]} if chosen else {})
    longest = min(field.max_length or MAX_TYPED_CHARS, MAX_TYPED_CHARS)
    element = {"type": "plain_text_input", "action_id": field.name, "max_length": longest}
    element |= {"multiline": True} if field.kind == "long" else {}
    return element | ({"initial_value": field.value[:longest]} if field.value else {})


def _button(name: str, label: str, value: str) -> Json:
    return {"type": "button", "action_id": name, "text": _plain(label), "value": value}


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text[:MAX_SECTION_CHARS] or " ", "emoji": False}


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _moment(at: datetime) -> str:
    """Return a time that Slack shows in the reader's own zone; the words after the bar are for clients that cannot."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"
