"""What the sweeper does to a task whose `next_check_at` has passed, and the end of an outbox. Pure."""

from __future__ import annotations

from datetime import datetime

from shared.errors import Skip
from shared.task.moves import OUTBOX_DELAY, OUTBOX_MAX_DELAY, ahead, give_up, lifetime, owe, scheduled
from shared.task.schemas import TERMINAL, TaskRecord
from shared.topics import RESULTS


def sweep(record: TaskRecord, topic: str | None, now: datetime) -> TaskRecord:
    """Return what the task needs when its `next_check_at` has passed: what its outbox owes is then to be published.

    `topic` is the intent's; None if there is no such intent any more, so that nobody would read it. Running it twice
    is safe: the first run moves `next_check_at`.

    Raises:
        Skip: `not_due`.
    """
    waits_for_a_person = record.state == "AWAITING_APPROVAL"
    if record.next_check_at is None or (waits_for_a_person and now < record.next_check_at):
        raise Skip(code="not_due")
    if ahead(record.next_check_at, now):
        raise Skip(code="not_due")
    if waits_for_a_person:
        reminded = record.decision.model_copy(update={"reminded_at": now})
        return scheduled(record, decision=reminded)
    moving = record.state in ("READY", "EXECUTING", "UNKNOWN")
    if moving and topic is None:
        if record.state == "UNKNOWN":
            return record.model_copy(update={"outbox": None, "next_check_at": None})
        return give_up(record, now, "intent_removed", "its intent is not deployed any more", by="sweep")
    if record.outbox is None and not moving:
        return record.model_copy(update={"next_check_at": None})
    outbox = record.outbox or owe(topic or RESULTS, record.generation, now)
    tries = outbox.tries + 1
    due_at = now + min(OUTBOX_DELAY * 2**tries, OUTBOX_MAX_DELAY)
    owed = {"topic": topic if moving else RESULTS, "tries": tries, "due_at": due_at}
    return scheduled(record, outbox=outbox.model_copy(update=owed))


def delivered(record: TaskRecord) -> TaskRecord:
    """Clear an outbox whose message was published and is needed by nobody here (topic `results`)."""
    return scheduled(record, outbox=None)


def kept_open(record: TaskRecord) -> TaskRecord:
    """Take the expiry away that an earlier version gave a task which is still open."""
    if record.state in TERMINAL or record.expire_at is None:
        return record
    return record.model_copy(update={"kept_for_s": int(lifetime(record).total_seconds()), "expire_at": None})
