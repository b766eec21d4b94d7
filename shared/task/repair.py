"""What became of an effect, and what runs again: by the provider's word or a person's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.canonical import params_hash
from shared.errors import Refused, Skip
from shared.intent.declaration import Intent
from shared.task.moves import (
    MAX_RECONCILE_PAUSE,
    MAX_RECONCILES,
    RECONCILE_AFTER,
    Person,
    ahead,
    decided,
    end,
    give_up,
    may_repeat,
    move,
    must_have_rested,
    owe,
    settled,
)
from shared.task.schemas import (
    REDRIVABLE,
    TERMINAL,
    Effect,
    Execution,
    Requester,
    Review,
    TaskError,
    TaskRecord,
)


def reconciled(
    record: TaskRecord,
    generation: int,
    verdict: Literal["applied", "not_applied", "pending", "unknown"] | None,
    now: datetime,
) -> TaskRecord:
    """UNKNOWN -> SUCCEEDED | FAILED by the provider's own word, or stay UNKNOWN and ask again later.

    `pending`: the provider has it and is not done, so it is asked for as long as that takes, which may be days.
    None: the handler has no way to ask, so a person must look.
    """
    if record.state != "UNKNOWN" or record.generation != generation:
        raise Skip(code="already_done")
    if verdict is None:
        return record.model_copy(update={"outbox": None, "next_check_at": None})
    if verdict == "pending":
        effect = record.effect.model_copy(update={"reconciles": 0})
        pause = min(max(now - record.updated_at, 2 * RECONCILE_AFTER), MAX_RECONCILE_PAUSE)
        return record.model_copy(update={"effect": effect, "outbox": None, "next_check_at": now + pause})
    if verdict == "unknown":
        asked = record.effect.reconciles + 1
        effect = record.effect.model_copy(update={"reconciles": asked})
        again = now + RECONCILE_AFTER * 2**asked if asked < MAX_RECONCILES else None
        return record.model_copy(update={"effect": effect, "outbox": None, "next_check_at": again})
    return settled(record, verdict, now, by="reconcile", why="the provider said so")


def reversed_(record: TaskRecord, now: datetime) -> TaskRecord:
    """SUCCEEDED -> FAILED: what was done did not hold, as the provider tells later; a refund that a bank sent back.

    Raises:
        Skip: `already_done`.
    """
    if record.state != "SUCCEEDED":
        raise Skip(code="already_done")
    effect = record.effect.model_copy(update={"outcome": "not_applied", "possibly_applied": False})
    return end(
        record,
        "FAILED",
        now,
        by="source",
        why="the provider reversed it",
        output="the provider tells that it did not hold",
        success=False,
        effect=effect,
        error=TaskError(code="reversed", message="it was done, and the provider reversed it later"),
    )


def settle(
    record: TaskRecord,
    person: Person,
    verdict: Literal["applied", "not_applied"],
    reason: str,
    now: datetime,
    *,
    looked_at: datetime,
) -> TaskRecord:
    """UNKNOWN -> SUCCEEDED | FAILED by a person who looked.

    Raises:
        Refused: `not_unknown`, or `too_early` to say that nothing happened.
    """
    if record.state != "UNKNOWN":
        raise Refused(f"only an UNKNOWN task can be settled; this one is {record.state}", code="not_unknown")
    if verdict == "not_applied":
        must_have_rested(record, looked_at, now)
    return settled(record, verdict, now, by=person.name, why=reason)


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
    if record.state not in REDRIVABLE:
        raise Refused(f"a {record.state} task cannot be redriven", code="not_redrivable")
    if not_applied:
        must_have_rested(record, looked_at, now)
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
    approval = record.approval if is_same and _is_approved(record) else None
    review = record.review if approval else Review(refusals=record.review.refusals)
    if approval is None and approves:
        given = decided("approve", person, now, reason)
        review = review.model_copy(update={"approvals": [given]})
        approval = given if needed == 1 else None
    # What ran without a person may again, as far as today's limits go: they are asked at its start.
    runs = approval is not None or (not approves and is_same and record.decision.route == "execute")
    if not runs and record.effect.possibly_applied and not not_applied:
        raise Refused("it would wait for an approval, and may have happened; settle it first", code="verdict_needed")
    new_key = not_applied or record.effect.outcome == "not_applied"
    waits = {"route": "approve", "expires_at": now + patience, "reminded_at": None}
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
        decision=record.decision if runs else record.decision.model_copy(update=waits),
        review=review,
        approval=approval,
        exec=Execution(epoch=record.exec.epoch),
        effect=Effect(seq=record.effect.seq + 1) if new_key else record.effect,
        error=None,
        result=None,
        outbox=owe(intent.topic, record.generation + 1, now) if runs else None,
    )


def _is_approved(record: TaskRecord) -> bool:
    return record.approval is not None and record.approval.decision == "approve"


def cancel(record: TaskRecord, person: Person, reason: str, now: datetime) -> TaskRecord:
    """Any state that is not terminal, with no effect possibly applied -> CANCELLED.

    Raises:
        Refused: `already_done` or `possibly_applied`.
    """
    if record.state in TERMINAL:
        raise Refused(f"the task is already {record.state}", code="already_done")
    if record.effect.possibly_applied:
        raise Refused("the effect may have happened; settle the task instead", code="possibly_applied")
    return end(record, "CANCELLED", now, by=person.name, why=reason, output="cancelled by a person", success=False)


def dead_lettered(record: TaskRecord, generation: int, now: datetime) -> TaskRecord:
    """The bus gave a message up: READY or a dead lease -> FAILED, or UNKNOWN by the start marker.

    Raises:
        Skip: `stale`, `already_done` or `lease_held`: nothing is lost, nothing to do.
    """
    if record.generation != generation:
        raise Skip(code="stale")
    if record.state not in ("READY", "EXECUTING"):
        raise Skip(code="already_done")
    if record.state == "EXECUTING" and ahead(record.exec.lease_until, now):
        raise Skip(code="lease_held")
    return give_up(record, now, "dead_lettered", "the message failed too often", by="deadletter")
