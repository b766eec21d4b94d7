"""What became of an effect, by the provider's word or a person's; and tasks that nobody wants any more. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.errors import Refused, Skip
from shared.task.moves import (
    MAX_RECONCILE_PAUSE,
    MAX_RECONCILES,
    RECONCILE_AFTER,
    Person,
    ahead,
    end,
    give_up,
    must_have_rested,
    settled,
    story,
)
from shared.task.schemas import TERMINAL, TaskError, TaskRecord


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


def close(record: TaskRecord, person: Person, reason: str, now: datetime) -> TaskRecord:
    """FAILED -> FAILED that wants nobody any more. Nothing runs, and it failed when it did: only a redrive opens it.

    Raises:
        Refused: `not_failed` or `already_closed`.
    """
    if record.state != "FAILED":
        raise Refused(f"only a FAILED task is closed; this one is {record.state}", code="not_failed")
    if record.closed_at:
        raise Refused("somebody has closed it already", code="already_closed")
    history = story(record, "FAILED", now, person.name, f"closed: {reason}")
    return record.model_copy(update={"closed_at": now, "history": history})


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
