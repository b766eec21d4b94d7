"""Google Chat's interaction events: buttons of cards, and the dialogs that they open.

https://developers.google.com/workspace/chat/receive-respond-interactions (read 2026-11-30)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from functions.chat.pressing import AT_ONCE, Seen, decide, do, draw, inputs_of, look, person, wrong
from shared.chat import google_chat
from shared.chat.card import DOORS, Press
from shared.chat.reading import text_at
from shared.errors import BadRequest, Forbidden, Gone, Misconfigured, NotFound, Unauthenticated
from shared.event.mailbox import address
from shared.event.strict_json import parse_object
from shared.gate.inputs import refilled
from shared.serving.certificates import checked
from shared.serving.entry import Outcome
from shared.serving.google_tokens import email_of_google_token
from shared.task.moves import Person
from shared.wiring.chats import GoogleChat
from shared.wiring.composition import Ports


async def take(body: bytes, headers: Mapping[str, str], ports: Ports) -> Outcome:
    """Answer one event.

    Raises:
        Unauthenticated: no token of Google Chat's for our address.
        Misconfigured: nothing says what that address is (503).
        Retry: Google's keys, or the store, are out of reach.
        BadRequest: it is signed, and cannot be read.
    """
    await _check(headers, ports)
    event = parse_object(body)
    if event.get("type") != "CARD_CLICKED":
        return Outcome("ignored", body={})
    name, value = google_chat.pressed(event)
    if name not in DOORS:
        return Outcome("ignored", body={})
    press = Press.read(value)
    fields = {"task_id": press.task_id, "operation": name}
    try:
        who = _who(event, ports)
        if event.get("dialogEventType") == "SUBMIT_DIALOG":
            return await _submitted(event, ports, who, name, press, fields)
        if name in AT_ONCE:
            now = await do(ports, who, press, name)
            await draw(GoogleChat(ports), text_at(event, "message", "name"), now)
            words = "It waits for a decision again" if name == "undo" else "It is yours"
            return Outcome("done", body=google_chat.closed(words, is_good=True), fields=fields)
        now = await look(ports, press.task_id)
        if now.card.verdict or now.card.look != press.look:
            await draw(GoogleChat(ports), text_at(event, "message", "name"), now)
            return Outcome("moved_on", body=google_chat.closed("This has moved on since", is_good=False), fields=fields)
        return Outcome("asked", body=_dialog(ports, name, now), fields=fields)
    except BadRequest as error:
        body_ = google_chat.closed(error.message, is_good=False)
        return Outcome("refused", body=body_, fields=fields | {"error_code": error.code}, severity="WARNING")


async def _submitted(
    event: Mapping[str, Any], ports: Ports, who: Person, name: str, press: Press, fields: dict[str, Any]
) -> Outcome:
    """Decide as a dialog says; a form that does not hold comes back with what was typed, and why."""
    typed = google_chat.typed(event)
    try:
        done = await decide(ports, who, press, name, typed)
    except BadRequest as error:
        if name != "edit" or isinstance(error, NotFound | Gone | Forbidden):
            raise
        now = await look(ports, press.task_id)
        found = wrong(ports, now.record, typed) or {(error.field or "").removeprefix("/"): error.message}
        kept = refilled(inputs_of(ports, now.record), typed, found)
        again = google_chat.edit_dialog(now.card, kept, error.message)
        return Outcome("refused", body=again, fields=fields | {"error_code": error.code}, severity="WARNING")
    await draw(GoogleChat(ports), text_at(event, "message", "name"), done)
    words = done.card.verdict.words if done.card.verdict else "One more person has to approve"
    body = google_chat.closed(words, is_good=True)
    return Outcome("decided", body=body, fields=fields | {"state_to": done.record.state})


def _dialog(ports: Ports, name: str, now: Seen) -> dict[str, Any]:
    if name == "approve":
        return google_chat.approve_dialog(now.card)
    if name == "reject":
        return google_chat.reject_dialog(now.card)
    return google_chat.edit_dialog(now.card, inputs_of(ports, now.record))


def _who(event: Mapping[str, Any], ports: Ports) -> Person:
    """Return who pressed: Google Chat says their account's own address.

    Raises:
        Forbidden: it is no person, or nobody says who may decide: a space may have guests of other companies.
    """
    if not ports.settings.approvers and not ports.settings.local:
        raise Forbidden("APPROVERS names nobody; name who decides, or open the page", code="not_an_approver")
    email = text_at(event, "user", "email")
    if text_at(event, "user", "type") != "HUMAN" or "@" not in email:
        raise Forbidden("Google Chat does not say who you are; open the page to decide", code="person_unknown")
    return person(address(email))


async def _check(headers: Mapping[str, str], ports: Ports) -> None:
    wanted = ports.settings.chats
    if not wanted.google_chat_audience:
        raise Misconfigured("GOOGLE_CHAT_APPROVALS_AUDIENCE is not set", code="audience_missing")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise _refusal()
    email = await checked(partial(email_of_google_token, token.strip(), wanted.google_chat_audience))
    if email != wanted.google_chat_caller:
        raise _refusal()


def _refusal() -> Unauthenticated:
    return Unauthenticated("not authenticated: only Google Chat calls this")
