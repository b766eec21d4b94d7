"""What ended, and runs again or is asked about again as a new generation: by a person, with a reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.canonical import params_hash
from shared.errors import Refused
from shared.intent.declaration import Intent
from shared.task.moves import Person, decided, may_repeat, move, must_have_rested, owe
from shared.task.schemas import REDRIVABLE, Decision, Effect, Execution, Requester, Review, TaskRecord, TaskRow
from shared.task.waiting import MAX_NAME_CHARS


def redrive(
    record: TaskRecord,
    person: Person,
    now: datetime,
    *,
    reason: str,
    intent: Intent,
    parameters: Mapping[str, Any],
    not_applied: bool = False,
    looked_at: datetime,
    requester: Requester | None = None,
    approves: bool = True,
    needed: int = 1,
    patience: timedelta,
) -> TaskRecord:
    """FAILED | UNKNOWN | EXPIRED | REJECTED | CANCELLED -> READY | AWAITING_APPROVAL as a new generation, by a person.

    `not_applied` is the verdict of a person who looked at `looked_at`: nothing happened. That, or the same word of the
    provider before, gives the provider a new key: under the old one it may keep what it answered, an error too.
    `requester`: whose request it is, where the person said so. `approves`: the person has looked at this task alone, so
    that they count as one of the `needed` who approve.

    Raises:
        Refused: wrong state, an UNKNOWN effect that may not be repeated without a verdict, or `too_early` for one.
    """
    _must_be_over(record, not_applied, looked_at, now)
    if record.effect.possibly_applied and not not_applied and not may_repeat(record, intent.idempotency, now):
        raise Refused(
            "the effect may have happened and must not be repeated blindly; look at the provider, then settle it or "
            "redrive with verdict not_applied",
            code="verdict_needed",
        )
    chosen = params_hash(intent.name, intent.schema_version, dict(parameters))
    is_same = chosen == record.params_hash and requester is None
    if record.effect.possibly_applied and not not_applied and not is_same:
        raise Refused("parameters can change only after the verdict not_applied", code="verdict_needed")
    approval = record.approval if is_same and is_approved(record) else None
    by = record.review.edited_by if chosen == record.params_hash else person.name[:MAX_NAME_CHARS]
    review = record.review if approval else Review(refusals=record.review.refusals, edited_by=by)
    if approval is None and approves:
        given = decided("approve", person, now, reason)
        review = review.model_copy(update={"approvals": [given]})
        approval = given if needed == 1 else None
    # What ran without a person may again, as far as today's limits go: they are asked at its start.
    runs = approval is not None or (not approves and is_same and record.decision.route == "execute")
    if not runs:
        _must_not_have_begun(record, not_applied)
    return move(
        record,
        "READY" if runs else "AWAITING_APPROVAL",
        now,
        by=person.name,
        why=f"requester set: {reason}" if requester else reason,
        requester=requester or record.requester,
        generation=record.generation + 1,
        intent=intent.name,
        intent_version=intent.schema_version,
        parameters=dict(parameters),
        params_hash=chosen,
        decision=record.decision if runs else _waits(record, now + patience),
        review=review,
        approval=approval,
        outbox=owe(intent.topic, record.generation + 1, now) if runs else None,
        **_afresh(record, not_applied),
    )


def ask_again(
    record: TaskRecord,
    after: TaskRecord,
    person: Person,
    now: datetime,
    *,
    reason: str,
    not_applied: bool = False,
    looked_at: datetime,
    patience: timedelta,
) -> TaskRecord:
    """FAILED | UNKNOWN | EXPIRED | REJECTED | CANCELLED -> AWAITING_APPROVAL as a new generation, approved by nobody.

    `after` is the record with what the person set, which may not hold yet; where they set nothing, the record itself.

    Raises:
        Refused: wrong state, the effect may have happened and nobody says that it did not, or `too_early` to say so.
    """
    _must_be_over(record, not_applied, looked_at, now)
    _must_not_have_begun(record, not_applied)
    review = after.review if after is not record else Review(draft=record.review.draft, refusals=record.review.refusals)
    return move(
        after,
        "AWAITING_APPROVAL",
        now,
        by=person.name,
        why=reason,
        generation=record.generation + 1,
        decision=_waits(after, now + patience),
        review=review,
        approval=None,
        outbox=None,
        **_afresh(record, not_applied),
    )


def is_approved(record: TaskRow) -> bool:
    """Whether people have approved what the record would do."""
    return record.approval is not None and record.approval.decision == "approve"


def _must_be_over(record: TaskRecord, not_applied: bool, looked_at: datetime, now: datetime) -> None:
    if record.state not in REDRIVABLE:
        raise Refused(f"a {record.state} task cannot be redriven", code="not_redrivable")
    if not_applied:
        must_have_rested(record, looked_at, now)


def _must_not_have_begun(record: TaskRecord, not_applied: bool) -> None:
    if record.effect.possibly_applied and not not_applied:
        raise Refused("it would wait for an approval, and may have happened; settle it first", code="verdict_needed")


def _waits(record: TaskRecord, until: datetime) -> Decision:
    return record.decision.model_copy(update={"route": "approve", "expires_at": until, "reminded_at": None})


def _afresh(record: TaskRecord, not_applied: bool) -> dict[str, Any]:
    """Return what a new run begins with: all its attempts, and a key that the provider has not answered."""
    new_key = not_applied or record.effect.outcome == "not_applied"
    return {
        "exec": Execution(epoch=record.exec.epoch),
        "effect": Effect(seq=record.effect.seq + 1) if new_key else record.effect,
        "error": None,
        "result": None,
        "closed_at": None,
    }
