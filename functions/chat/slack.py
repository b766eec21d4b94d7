"""Slack's interactions: buttons of cards, and the modals that they open. Slack waits three seconds for an answer.

https://docs.slack.dev/reference/interaction-payloads (read 2026-11-30)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from functions.chat.pressing import AT_ONCE, WHOSE, decide, do, draw, inputs_of, look, person, unsaid, wrong
from shared.chat import slack
from shared.chat.card import DOORS, Press
from shared.chat.reading import object_at, text_at
from shared.errors import BadRequest, Forbidden, Gone, NotFound
from shared.event.signatures import verify_slack
from shared.event.strict_json import parse_object
from shared.intent.outcomes import HandlerOutcome
from shared.serving.entry import Outcome
from shared.settings import secrets_of
from shared.task.moves import Person
from shared.task.requester import requester_of
from shared.task.schemas import TaskRecord
from shared.wiring.chats import SlackChat
from shared.wiring.composition import Ports

SOURCE = "slack-approvals"  # its signing secret is SLACK_APPROVALS_WEBHOOK_SECRET


async def take(body: bytes, headers: Mapping[str, str], ports: Ports) -> Outcome:
    """Answer one interaction.

    Raises:
        Unauthenticated: it is not signed by Slack, or older than five minutes.
        Misconfigured: no signing secret is set (503).
        BadRequest: it is signed, and cannot be read.
        StoreUnavailable: Slack says that it did not work; the person presses again.
    """
    verify_slack(body, headers, secrets_of(SOURCE), datetime.now(UTC))
    payload = _payload(body)
    kind = payload.get("type")
    if kind == "block_actions":
        return await _pressed(payload, ports)
    if kind == "view_submission":
        return await _submitted(payload, ports)
    return Outcome("ignored")


async def _pressed(payload: Mapping[str, Any], ports: Ports) -> Outcome:
    name = text_at(payload, "actions", 0, "action_id")
    if name not in DOORS:
        return Outcome("ignored")  # such as a link, of which Slack tells as well
    press, place = Press.read(text_at(payload, "actions", 0, "value")), _place(payload)
    fields = {"task_id": press.task_id, "operation": name}
    chat = SlackChat(ports)
    try:
        who = await _who(chat, payload)
        now = await look(ports, press.task_id)
        _must_be_anothers(now.record, payload)
        if name == "approve" or name in AT_ONCE:
            done = await (do(ports, who, press, name) if name in AT_ONCE else decide(ports, who, press, name, {}))
            await draw(chat, place, done)
            return Outcome("decided", fields=fields | {"state_to": done.record.state})
        if now.card.verdict or now.card.look != press.look:
            await draw(chat, place, now)
            await _tell(chat, payload, "This has moved on since; the message shows how it is now.")
            return Outcome("moved_on", fields=fields)
        private = json.dumps({"press": press.text(), "place": place})
        view = slack.reject_view(now.card, private) if name == "reject" else None
        await chat.open(
            text_at(payload, "trigger_id"), view or slack.edit_view(now.card, inputs_of(ports, now.record), private)
        )
        return Outcome("asked", fields=fields)
    except BadRequest as error:
        await _tell(chat, payload, error.message)
        await _redraw(ports, chat, press, place)
        return Outcome("refused", fields=fields | {"error_code": error.code}, severity="WARNING")


async def _submitted(payload: Mapping[str, Any], ports: Ports) -> Outcome:
    """Decide as a modal says; what does not hold is shown in the modal, in which everything typed stays."""
    view = object_at(payload, "view")
    name = text_at(view, "callback_id")
    if name not in ("edit", "reject"):
        return Outcome("ignored")
    try:
        private = json.loads(text_at(view, "private_metadata"))
    except (ValueError, RecursionError):
        raise BadRequest("the modal is none of ours", code="bad_button") from None
    press, place = Press.read(text_at(private, "press")), text_at(private, "place")
    fields, typed = {"task_id": press.task_id, "operation": name}, slack.typed(view)
    chat = SlackChat(ports)
    try:
        who = await _who(chat, payload)
        _must_be_anothers((await look(ports, press.task_id)).record, payload)
        done = await decide(ports, who, press, name, typed)
    except BadRequest as error:
        is_of_form = name == "edit" and not isinstance(error, NotFound | Gone | Forbidden)
        found = wrong(ports, (await look(ports, press.task_id)).record, typed) if is_of_form else {}
        place_ = WHOSE if error.field == f"/{WHOSE}" and is_of_form else slack.COMMENT
        body = {"response_action": "errors", "errors": found or {place_: error.message}}
        return Outcome("refused", body=body, fields=fields | {"error_code": error.code}, severity="WARNING")
    await draw(chat, place, done)
    return Outcome("decided", fields=fields | {"state_to": done.record.state})


async def _who(chat: SlackChat, payload: Mapping[str, Any]) -> Person:
    """Return who pressed, by the address that the workspace has confirmed.

    Raises:
        Forbidden: it has none, or they are a guest, of elsewhere, or no person.
    """
    try:
        email = await chat.address_of(text_at(payload, "team", "id"), text_at(payload, "user", "id"))
    except HandlerOutcome as error:
        raise Forbidden("Slack does not say who you are; try again, or open the page", code="person_unknown") from error
    if email is None:
        raise Forbidden("Slack has no confirmed address of yours; open the page to decide", code="person_unknown")
    return person(email)


def _must_be_anothers(record: TaskRecord, payload: Mapping[str, Any]) -> None:
    """Raise `Forbidden` if whoever pressed has written the message: of that, Slack may have told no address."""
    if record.source == "slack" and requester_of(record).get("id") == text_at(payload, "user", "id"):
        raise Forbidden("this is your own request; somebody else has to decide", code="own_request")


async def _redraw(ports: Ports, chat: SlackChat, press: Press, place: str) -> None:
    try:
        await draw(chat, place, await look(ports, press.task_id))
    except (NotFound, Gone):
        return


async def _tell(chat: SlackChat, payload: Mapping[str, Any], words: str) -> None:
    channel, user = text_at(payload, "channel", "id"), text_at(payload, "user", "id")
    try:
        await chat.tell(channel, user, slack.escaped(words))
    except HandlerOutcome as error:
        unsaid("", error)


def _place(payload: Mapping[str, Any]) -> str:
    container = object_at(payload, "container")
    return f"{text_at(container, 'channel_id')}/{text_at(container, 'message_ts')}"


def _payload(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in the form's field `payload`.

    Raises:
        BadRequest: there is none.
    """
    try:
        (text,) = parse_qs(body.decode("ascii"), max_num_fields=10, errors="strict").get("payload", [])
    except ValueError:
        raise BadRequest("the body is no interaction", code="invalid_interaction") from None
    return parse_object(text.encode())
