"""A verified person and what they pressed in; the decision, applied by the same rules as on the page, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.chat.card import Card, Press, card_of
from shared.errors import Unprocessable
from shared.gate import inputs
from shared.gate.inputs import Input
from shared.intent.outcomes import HandlerOutcome
from shared.logs import log
from shared.records import decisions, working
from shared.records.approvals import MAX_COMMENT_CHARS
from shared.records.decisions import AS_SHOWN, Change
from shared.records.documents import task_path, to_record
from shared.settings import page_url
from shared.task.moves import Person
from shared.task.requester import is_unknown
from shared.task.schemas import CAUSES, Cause, TaskRecord
from shared.wiring.chats import Chat
from shared.wiring.composition import Ports

COMMENT, CAUSE, WHOSE = "comment", "cause", "requester_email"
AT_ONCE = ("take", "undo")  # what a press does without asking anything


@dataclass(frozen=True, slots=True)
class Seen:
    """A task as it is now, and its card."""

    record: TaskRecord
    card: Card


def person(email: str) -> Person:
    """Return whoever a chat's workspace vouches for."""
    return Person(email, "chat")


async def look(ports: Ports, task_id: str) -> Seen:
    """Return the task as it is.

    Raises:
        NotFound, Gone: there is none any more.
        StoreUnavailable: nobody knows.
    """
    (found,) = await ports.store.read(task_path(task_id))
    return seen(ports, to_record(found))


def seen(ports: Ports, record: TaskRecord) -> Seen:
    """Return a record with its card."""
    return Seen(record, card_of(record, ports.registry, page_url(ports.settings)))


async def draw(chat: Chat, message: str, now: Seen) -> None:
    """Show what became of it; `notify` does it within a minute where the chat does not take it now."""
    try:
        await chat.update(message, now.card)
    except HandlerOutcome as error:
        unsaid(now.record.task_id, error)


def unsaid(task_id: str, error: HandlerOutcome) -> None:
    """Log that a chat did not take what it was told."""
    log(
        "WARNING",
        "the chat did not take it",
        function="chat",
        outcome="not_shown",
        task_id=task_id,
        error_code=error.code,
    )


def inputs_of(ports: Ports, record: TaskRecord) -> list[Input]:
    """Return the inputs of a task's parameters, as they would run; and for whose request it is, where nobody says."""
    intent = ports.registry.get(record.intent)
    if intent is None:
        raise Unprocessable("no intent was found for this task; open its page and choose one", code="unclassified")
    asked = Input(
        WHOSE, "Whose request is it? The customer's e-mail address", "The event does not say", "text", "", True
    )
    return [*([asked] if is_unknown(record, intent) else []), *inputs.inputs_of(intent, record)]


def wrong(ports: Ports, record: TaskRecord, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with what was typed, by the input's name."""
    intent = ports.registry.get(record.intent)
    return inputs.problems(intent, typed) if intent else {}


async def do(ports: Ports, who: Person, press: Press, door: str) -> Seen:
    """Do what a press does at once: make the task one's own work, or take a decision back.

    Raises:
        BadRequest: as `working.assign` and `decisions.undo`: who may not, what has begun, what is not as it was shown.
    """
    if door == "take":
        return seen(ports, await working.assign(ports, press.task_id, who, take=True))
    return seen(ports, await decisions.undo(ports, press.task_id, who, press.look))


async def decide(ports: Ports, who: Person, press: Press, door: str, typed: Mapping[str, str]) -> Seen:
    """Apply a decision, with what was typed: a comment, the cause of a rejection, parameters where `door` is `edit`.

    Raises:
        BadRequest: as `decisions.decide`: who may not, what was decided already, what does not hold.
    """
    change = await _change(ports, press, typed) if door == "edit" else AS_SHOWN
    record = await decisions.decide(
        ports,
        press.task_id,
        who,
        "reject" if door == "reject" else "approve",
        press.look,
        change,
        typed.get(COMMENT, "")[:MAX_COMMENT_CHARS],
        _cause(typed),
        undoable=True,
    )
    return seen(ports, record)


async def _change(ports: Ports, press: Press, typed: Mapping[str, str]) -> Change:
    """Return what a form sets, where it is other than what was shown; what was emptied is not what was shown."""
    record = (await look(ports, press.task_id)).record
    intent = ports.registry.get(record.intent)
    parameters = inputs.altered(intent, typed, record) if intent else None
    return Change(parameters=parameters, requester_email=typed.get(WHOSE, "").strip() or None)


def _cause(typed: Mapping[str, str]) -> Cause:
    said = typed.get(CAUSE, "other")
    found: Cause = next((cause for cause in CAUSES if cause == said), "other")
    return found
