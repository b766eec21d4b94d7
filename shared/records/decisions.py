"""What people decide: approve, reject, expire, redrive, cancel, settle. Used by console, resume and sweep alike.

Each is one commit over the task and its approval; the approval document is rewritten from the task, so that whatever
else was edited in it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared.errors import Forbidden, Refused, StoreUnavailable, Unprocessable
from shared.event.mailbox import same_address
from shared.gate.answer import validate
from shared.gate.policy import Usage, is_enabled, policy_reasons, subject_path
from shared.intent.declaration import Intent
from shared.intent.provenance import check
from shared.records.approvals import kept
from shared.records.creation import approval_of, wishes_like
from shared.records.documents import approval_path, task_path, to_document, to_record, transact
from shared.records.news import tell_others
from shared.records.outbox import pay
from shared.task import repair, waiting
from shared.task.approval import Approval
from shared.task.moves import Person, Skip, lifetime
from shared.task.requester import must_be_known, told, view_of
from shared.task.schemas import UNCLASSIFIED, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot


@dataclass(frozen=True, slots=True)
class Wish:
    """A decision as somebody made it. `params_hash` is of what they were shown; None only where nothing is shown."""

    decision: Literal["approve", "reject"]
    params_hash: str | None
    intent: str | None = None
    parameters: Mapping[str, Any] | None = None
    comment: str = ""
    requester_email: str | None = None  # whose request it is, where somebody says so


@dataclass(frozen=True, slots=True)
class Look:
    """What a verdict rests on: which generation of the task somebody looked at, None for any; when, None for now."""

    generation: int | None = None
    at: datetime | None = None


JUST_NOW = Look()


async def decide(ports: Ports, task_id: str, person: Person, wish: Wish) -> TaskRecord:
    """Apply a decision to a waiting task, and send the task on.

    Raises:
        NotFound: no such task.
        Refused: decided already, expired, or other parameters than were shown.
        Unprocessable: the parameters or the intent do not hold.
        Forbidden: this person, or this channel, may not decide this intent.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        if wish.params_hash is not None and wish.params_hash != record.params_hash:
            raise Refused("the parameters are not the ones that were shown; look again", code="params_changed")
        if wish.decision == "reject":
            _must_be_allowed(ports, record.intent, person)
            return waiting.reject(record, person, now, wish.comment)
        intent, parameters = chosen(ports, record, wish.intent, wish.parameters)
        _must_be_allowed(ports, intent.name, person)
        known = told(record, wish.requester_email, person.name) if wish.requester_email else record
        must_be_known(known, intent)
        return waiting.approve(
            record,
            person,
            now,
            intent=intent,
            parameters=parameters,
            comment=wish.comment,
            reasons=_reasons(ports, known, intent, parameters),
            requester=known.requester if known is not record else None,
        )

    after = await _settle_both(ports, task_id, arrow)
    if wish.decision == "approve":
        await _tell_like(ports, after)
    return after


async def _tell_like(ports: Ports, record: TaskRecord) -> None:
    """Say on the tasks that ask the like that this one was approved."""
    intent = ports.registry[record.intent]
    if subject := subject_path(intent, record.parameters):
        try:
            (snapshot,) = await ports.store.read(subject)
        except StoreUnavailable:  # it is decided all the same; `start` asks once more
            return
        await tell_others(ports, wishes_like(snapshot, intent, record.task_id), record.task_id, approved=True)


async def expire(ports: Ports, task_id: str) -> TaskRecord:
    """AWAITING_APPROVAL -> EXPIRED, in task and approval.

    Raises:
        Skip: it was decided, has time left, or nobody can tell: `clock_stepped`.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        must_be_plausible(ports)
        return waiting.expire(record, now)

    return await _settle_both(ports, task_id, arrow)


def must_be_plausible(ports: Ports) -> None:
    """Raise `Skip` while the store's time cannot be trusted with what is final; asked after it was read."""
    if ports.clock_trouble():
        raise Skip(code="clock_stepped")


async def redrive(
    ports: Ports,
    task_id: str,
    person: Person,
    *,
    reason: str,
    not_applied: bool = False,
    intent: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    requester_email: str | None = None,
    look: Look = JUST_NOW,
) -> TaskRecord:
    """Run an ended task again as a new generation.

    Raises:
        NotFound, Refused, Unprocessable, Forbidden: as for `decide`.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        looked_at = _looked_at(record, look, now)
        selected, values = chosen(ports, record, intent, parameters)
        _must_be_allowed(ports, selected.name, person)
        known = told(record, requester_email, person.name) if requester_email else record
        must_be_known(known, selected)
        return repair.redrive(
            record,
            person,
            now,
            reason=reason,
            intent=selected,
            parameters=values,
            not_applied=not_applied,
            looked_at=looked_at,
            requester=known.requester if known is not record else None,
        )

    return await _settle_both(ports, task_id, arrow)


async def cancel(ports: Ports, task_id: str, person: Person, *, reason: str) -> TaskRecord:
    """End a task whose effect has certainly not begun.

    Raises:
        NotFound, Refused: as for `decide`.
    """
    return await _settle_both(ports, task_id, lambda record, now: repair.cancel(record, person, reason, now))


async def settle(
    ports: Ports,
    task_id: str,
    person: Person,
    *,
    verdict: Literal["applied", "not_applied"],
    reason: str,
    look: Look = JUST_NOW,
) -> TaskRecord:
    """End an UNKNOWN task by what a person found at the provider.

    Raises:
        NotFound, Refused, Forbidden: as for `decide`.
    """

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        looked_at = _looked_at(record, look, now)
        _must_be_allowed(ports, record.intent, person)
        return repair.settle(record, person, verdict, reason, now, looked_at=looked_at)

    return await _settle_both(ports, task_id, arrow)


def chosen(
    ports: Ports, record: TaskRecord, intent: str | None, parameters: Mapping[str, Any] | None
) -> tuple[Intent, dict[str, Any]]:
    """Return the intent and the valid parameters that would run: the record's, or the ones a person set.

    Raises:
        Unprocessable: there is no such intent, or its parameters do not hold; `field` says which.
    """
    name = record.intent if intent is None else intent
    if name == UNCLASSIFIED:
        raise Unprocessable("no intent was found for this task; choose one and fill its parameters", field="/intent")
    if name not in ports.registry:
        raise Unprocessable(
            f"there is no intent of this name; choose one of {', '.join(ports.registry)}", field="/intent"
        )
    selected = ports.registry[name]
    if not is_enabled(selected, record.source, ports.settings):
        raise Unprocessable(f"{name} is disabled for {record.source}", code="intent_disabled", field="/intent")
    values, problems = validate(selected, record.shown_parameters if parameters is None else parameters)
    if values is None:
        raise Unprocessable("; ".join(problems), code="parameters_invalid", field="/parameters")
    return selected, values


def _reasons(ports: Ports, record: TaskRecord, intent: Intent, parameters: Mapping[str, Any]) -> list[str]:
    """Gate edited parameters again: what would have paused them is recorded with the approval."""
    seen = view_of(record)
    reasons = check(parameters, intent.parameters, seen)
    return reasons + policy_reasons(intent, parameters, seen, Usage(), ports.settings)


def _looked_at(record: TaskRecord, look: Look, now: datetime) -> datetime:
    """Return when a person looked; a click may arrive much later than that.

    Raises:
        Refused: the task has run again since: what they found is of another effect.
    """
    if look.generation is not None and look.generation != record.generation:
        raise Refused("the task was redriven since you looked; look again", code="generation_changed")
    return now if look.at is None else min(look.at, now)


def may_decide(ports: Ports, intent_name: str, person: Person) -> bool:
    """Whether this person, through this channel, may decide tasks of an intent."""
    try:
        _must_be_allowed(ports, intent_name, person)
    except Forbidden:
        return False
    return True


def _must_be_allowed(ports: Ports, intent_name: str, person: Person) -> None:
    people = ports.settings.approvers
    allowed = people.get(intent_name, people.get("*"))
    if allowed is not None and not any(same_address(person.name, name) for name in allowed):
        raise Forbidden(f"you are not an approver of {intent_name}", code="not_an_approver")
    intent = ports.registry.get(intent_name)
    if intent is not None and person.channel not in (*intent.policy.channels, "system"):
        channels = ", ".join(intent.policy.channels)
        raise Forbidden(f"{intent_name} is decided through {channels} only", code="channel_not_allowed")


async def _settle_both(ports: Ports, task_id: str, arrow: Callable[[TaskRecord, datetime], TaskRecord]) -> TaskRecord:
    """Apply `arrow` to the task and bring its approval in line, in one commit; then pay what the task owes."""
    path, pause = task_path(task_id), approval_path(task_id)
    after: TaskRecord | None = None

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal after
        before = to_record(snapshots[path])
        now = snapshots[path].read_time
        after = arrow(before, now)
        writes = {path: to_document(after)}
        was_asked = before.decision.expires_at is not None
        if before.state == "AWAITING_APPROVAL" or (was_asked and after.approval != before.approval):
            closed = _closed(before, after, now).model_copy(update=kept(snapshots[pause].data))
            writes[pause] = to_document(closed)
        return writes

    snapshots = await transact(ports.store, (path, pause), body)
    assert after is not None, "body has made it"
    await pay(ports, after, snapshots[path].version)
    return after


def _closed(before: TaskRecord, after: TaskRecord, now: datetime) -> Approval:
    """Return the approval document after the decision: what was shown, who decided, what became of it."""
    decision = after.approval
    status = {"READY": "approved", "REJECTED": "rejected", "EXPIRED": "expired"}.get(after.state, "cancelled")
    return approval_of(before).model_copy(
        update={
            "status": status,
            "intent": after.intent,
            "parameters": after.shown_parameters,
            "comment": decision.comment if decision else "",
            "decided_by": decision.by if decision else after.history[-1].by,
            "decided_at": now,
            "outcome": after.state,
            "expire_at": now + lifetime(after),
        }
    )
