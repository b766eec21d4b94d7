"""A decision taken back before anything came of it, and for how long an approval is held for that. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import Refused
from shared.intent.declaration import Intent
from shared.task.moves import Person, move
from shared.task.redrive import ask_again, is_approved
from shared.task.schemas import Execution, TaskRecord, TaskRow

UNDONE = "undone"  # begins the reason of the transition
URGENT = 4  # from this priority on nothing is held


def hold_of(record: TaskRecord, intent: Intent) -> timedelta:
    """Return for how long a task that somebody approves is held, so that they can think better of it."""
    return timedelta(seconds=0 if record.priority >= URGENT else intent.policy.undo_s)


def may_be_undone(record: TaskRow) -> bool:
    """Whether somebody's approval waits still for what comes of it."""
    return record.state == "READY" and not record.effect.possibly_applied and is_approved(record)


def undo(record: TaskRecord, person: Person, now: datetime, *, patience: timedelta) -> TaskRecord:
    """READY | REJECTED -> AWAITING_APPROVAL as a new generation, so that the message that is under way dies.

    Raises:
        Refused: `already_begun`: somebody is at it, or it has ended otherwise; `not_approved`: no person let it run.
    """
    if record.state == "REJECTED":
        return ask_again(record, record, person, now, reason=UNDONE, looked_at=now, patience=patience)
    if record.state != "READY" or record.effect.possibly_applied:
        why = f"it cannot be taken back any more: the task is {record.state}"
        if record.state == "AWAITING_APPROVAL":  # two people undid it, or nobody has decided yet
            why = "there is nothing to take back: the task waits for a decision"
        raise Refused(why, code="already_begun")
    if not is_approved(record):
        raise Refused("nobody approved it, so there is nothing to take back; cancel it", code="not_approved")
    waits = {"route": "approve", "expires_at": now + patience, "reminded_at": None}
    return move(
        record,
        "AWAITING_APPROVAL",
        now,
        by=person.name,
        why=UNDONE,
        generation=record.generation + 1,
        decision=record.decision.model_copy(update=waits),
        review=record.review.model_copy(update={"approvals": []}),
        approval=None,
        exec=Execution(epoch=record.exec.epoch),
        outbox=None,
        error=None,
    )
