"""What people decide about a waiting task: approve, reject, edit; and its expiry. Used by console, resume and sweep.

Each is one commit over the task and its approval. What people do to a task that does not wait is in `repairs`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.entries import ANY_INTENT
from shared.errors import Conflict, Forbidden, Refused, StoreUnavailable, Unprocessable
from shared.gate.answer import presentable, validate
from shared.gate.doors import Look, approvals_needed, has_approved, must_be_allowed, must_be_approver, must_be_current
from shared.gate.policy import Usage, is_enabled, policy_reasons, subject_path
from shared.intent.declaration import Intent
from shared.intent.provenance import check
from shared.records.approvals import change_both
from shared.records.cards import reopen_cards
from shared.records.creation import wishes_like
from shared.records.news import tell_others
from shared.task import waiting
from shared.task.moves import Person
from shared.task.requester import must_be_known, told, view_of
from shared.task.schemas import UNCLASSIFIED, Cause, Refusal, TaskRecord
from shared.task.undo import hold_of
from shared.task.undo import undo as undone
from shared.wiring.composition import Ports


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody sets otherwise than it was shown; None: it stays. `requester_email`: whose request it is."""

    intent: str | None = None
    parameters: Mapping[str, Any] | None = None
    requester_email: str | None = None


AS_SHOWN = Change()


async def decide(
    ports: Ports,
    task_id: str,
    person: Person,
    decision: Literal["approve", "reject"],
    look: Look,
    change: Change = AS_SHOWN,
    comment: str = "",
    cause: Cause = "other",
    *,
    undoable: bool = False,
) -> TaskRecord:
    """Apply a decision to a waiting task, and send the task on; it waits on where more people have to approve.

    `cause`: what a rejection says of the suggestion. `undoable`: an approval is held for as long as the intent
    declares, so that `undo` can take it back.

    Raises:
        NotFound: no such task.
        Refused: decided already, by this person perhaps, expired, or not what was shown.
        Unprocessable: the parameters or the intent do not hold.
        Forbidden: this person, or this channel, may not decide this task.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        must_be_allowed(ports.registry, ports.settings, record, person, change.intent)
        must_be_current(record, look)
        if decision == "reject":
            return waiting.reject(record, person, now, comment, cause)
        if not look.alone and (alone := waiting.why_alone(record)):
            raise Refused(f"not among many: {alone}", code="look_alone")
        known, intent, parameters = chosen(ports, record, person, change)
        must_be_known(known, intent)
        after, why = record, ""
        if is_changed := (intent.name, parameters) != (record.intent, record.parameters):
            why += ", edited"
        if known is not record:
            why += ", requester set"
        if is_changed or known is not record:
            reasons = gated(ports, known, intent, parameters)
            after = waiting.changed(known, person, intent=intent, parameters=parameters, reasons=reasons)
        needed = approvals_needed(intent, after.parameters, after.decision.reasons)
        hold = hold_of(after, intent) if undoable else timedelta(0)
        approved = waiting.approve(
            after, person, now, intent=intent, needed=needed, comment=comment, why=why, hold=hold
        )
        if has_approved(after, person):
            raise Refused("you have approved this already; another person has to as well", code="already_approved")
        return approved

    _, after = await change_both(ports, task_id, arrow)
    if after.state == "READY":
        await _tell_like(ports, after)
    return after


async def undo(ports: Ports, task_id: str, person: Person, look: Look) -> TaskRecord:
    """Take an approval or a rejection back, as long as nothing has begun: it waits for a decision again.

    Raises:
        NotFound, Forbidden: as for `decide`.
        Refused: it has begun, or nobody had approved it; or it is not what was shown.
    """
    patience = timedelta(seconds=ports.settings.approval_ttl_s)

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        must_be_allowed(ports.registry, ports.settings, record, person)
        must_be_current(record, look)
        return undone(record, person, now, patience=patience)

    after = (await change_both(ports, task_id, arrow))[1]
    with contextlib.suppress(StoreUnavailable, Conflict):  # a chat then shows it once more
        await reopen_cards(ports.store, task_id)
    return after


async def edit(ports: Ports, task_id: str, person: Person, look: Look, change: Change) -> TaskRecord:
    """Set what a waiting task would run with, and ask anew; what does not hold yet is kept as a draft.

    Raises:
        NotFound, Refused, Forbidden: as for `decide`.
        Unprocessable: there is no such intent, or the requester is no address.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        must_be_allowed(ports.registry, ports.settings, record, person, change.intent)
        must_be_current(record, look)
        after = changed(ports, record, person, change)
        if after is record:
            raise Unprocessable("nothing is changed", code="unchanged")
        return waiting.edit(after, person, now)

    return (await change_both(ports, task_id, arrow))[1]


async def refuse(ports: Ports, task_id: str, person: Person, code: str, message: str) -> TaskRecord:
    """Record that a change of a waiting task was not accepted, and show the task as it is.

    Raises:
        NotFound: no such task.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        if record.state != "AWAITING_APPROVAL":
            return record
        refusal = Refusal(at=now, by=person.name[: waiting.MAX_NAME_CHARS], code=code[:60])
        return waiting.refused(record, refusal, f"{code}: {message}")

    return (await change_both(ports, task_id, arrow))[1]


async def expire(ports: Ports, task_id: str) -> TaskRecord:
    """AWAITING_APPROVAL -> EXPIRED, in task and approval.

    Raises:
        Skip: it was decided, has time left, or nobody can tell: `clock_stepped`.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        ports.must_be_plausible()
        return waiting.expire(record, now)

    return (await change_both(ports, task_id, arrow))[1]


def changed(ports: Ports, record: TaskRecord, person: Person, change: Change) -> TaskRecord:
    """Return the record with what a person sets, as a draft where it does not hold yet; itself where nothing is new.

    Raises:
        Unprocessable: there is no such intent, or the requester is no address.
        Forbidden: the request is the person's own.
    """
    known = _known(ports, record, person, change)
    intent, raw = _wanted(ports, record, change)
    shown = (record.intent, record.shown_parameters)
    if known is record and (intent.name if intent else UNCLASSIFIED, raw) == shown:
        return record
    values = validate(intent, raw)[0] if intent else None
    if intent is None or values is None:
        return waiting.changed(known, person, intent=intent, parameters=presentable(raw), is_draft=True)
    reasons = gated(ports, known, intent, values)
    return waiting.changed(known, person, intent=intent, parameters=values, reasons=reasons)


def chosen(
    ports: Ports, record: TaskRecord, person: Person, change: Change
) -> tuple[TaskRecord, Intent, dict[str, Any]]:
    """Return what would run: the record, with the requester that the person names; the intent; its valid parameters.

    Raises:
        Unprocessable: there is no such intent, or its parameters do not hold; `field` says which.
        Forbidden: the request is the person's own.
    """
    known = _known(ports, record, person, change)
    selected, raw = _wanted(ports, record, change)
    if selected is None:
        raise Unprocessable("no intent was found for this task; choose one and fill its parameters", field="/intent")
    values, problems = validate(selected, raw)
    if values is None:
        raise Unprocessable("; ".join(problems), code="parameters_invalid", field="/parameters")
    return known, selected, values


def why_not(ports: Ports, record: TaskRecord, person: Person, intent: str | None = None) -> str:
    """Return why this person may not act on a task, also as another intent; empty: they may."""
    try:
        must_be_allowed(ports.registry, ports.settings, record, person, intent)
    except Forbidden as error:
        return error.message
    waits = record.state == "AWAITING_APPROVAL"
    return "you have approved it already" if waits and has_approved(record, person) else ""


def why_not_intent(ports: Ports, intent: str, person: Person) -> str:
    """Return why this person may not stop an intent or let it run again; empty: they may."""
    try:
        must_be_approver(ports.registry, ports.settings, intent, person)
    except Forbidden as error:
        return error.message
    return ""


def missing_approvers(ports: Ports, record: TaskRecord) -> list[str]:
    """Return who could still approve a task, where the settings name them."""
    people = ports.settings.approvers.get(record.intent, ports.settings.approvers.get(ANY_INTENT, frozenset()))
    named = (Person(name, "console") for name in sorted(people))
    return [p.name for p in named if not why_not(ports, record, p)]


def _known(ports: Ports, record: TaskRecord, person: Person, change: Change) -> TaskRecord:
    """Return the record with the requester that a person names."""
    if not change.requester_email:
        return record
    known = told(record, change.requester_email, person.name)
    must_be_allowed(ports.registry, ports.settings, known, person, change.intent)
    return known


def _wanted(ports: Ports, record: TaskRecord, change: Change) -> tuple[Intent | None, dict[str, Any]]:
    """Return the intent, if there is one, and the parameters as they are or as somebody sets them, unchecked."""
    name = record.intent if change.intent is None else change.intent
    raw = dict(record.shown_parameters if change.parameters is None else change.parameters)
    if name == UNCLASSIFIED:
        return None, raw
    if name not in ports.registry:
        raise Unprocessable(
            f"there is no intent of this name; choose one of {', '.join(ports.registry)}", field="/intent"
        )
    selected = ports.registry[name]
    if not is_enabled(selected, record.source, ports.settings):
        raise Unprocessable(f"{name} is disabled for {record.source}", code="intent_disabled", field="/intent")
    return selected, raw


def gated(ports: Ports, record: TaskRecord, intent: Intent, parameters: Mapping[str, Any]) -> list[str]:
    """Return for what the gate would have paused what a person set."""
    seen = view_of(record)
    reasons = check(parameters, intent.parameters, seen)
    return reasons + policy_reasons(intent, parameters, seen, Usage(), ports.settings)


async def _tell_like(ports: Ports, record: TaskRecord) -> None:
    """Say on the tasks that ask the like that this one was approved."""
    intent = ports.registry[record.intent]
    if subject := subject_path(intent, record.parameters):
        try:
            (snapshot,) = await ports.store.read(subject)
        except StoreUnavailable:  # it is decided all the same; `start` asks once more
            return
        await tell_others(ports, wishes_like(snapshot, intent, record.task_id), record.task_id, approved=True)
