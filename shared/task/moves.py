"""What the arrows of the lifecycle are made of: moving, ending, owing a message, and what may be repeated. Pure.

Every change of state goes through `move`, so that history, expiry and the sweeper's next look are never forgotten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.errors import Refused, Skip
from shared.intent.declaration import Idempotency, Intent
from shared.task.schemas import (
    MAX_HISTORY,
    MAX_OUTPUT_CHARS,
    TERMINAL,
    UNCLASSIFIED,
    ApprovalDecision,
    Effect,
    Outbox,
    State,
    TaskError,
    TaskRecord,
    TaskResult,
    Transition,
)
from shared.topics import RESULTS

OUTBOX_DELAY = timedelta(seconds=30)
OUTBOX_MAX_DELAY = timedelta(hours=1)
LEASE_MARGIN = timedelta(seconds=30)
REMINDER_BEFORE_EXPIRY = timedelta(hours=4)
RECONCILE_AFTER = timedelta(minutes=1)
MAX_RECONCILES = 8
MAX_RECONCILE_PAUSE = timedelta(hours=6)  # while the provider is at work on it
LONGEST_WAIT = MAX_RECONCILE_PAUSE  # nothing but a person is waited for longer, before the next look
MAX_RETRY_DELAY_S = 600.0  # of our own choice
MAX_ASKED_DELAY_S = 3600.0  # at the provider's wish
KEPT_OLDEST = 5
DEFAULT_LIFETIME = timedelta(days=90)  # of a record in which somebody has deleted what says it

Channel = Literal["console", "firestore", "cli", "chat", "system"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks for a change, and through what; an account of a program is nobody unless it is named as an approver."""

    name: str
    channel: Channel
    is_person: bool = True


def is_program(name: str) -> bool:
    """Whether a verified identity is a service account's, and no person's."""
    return name.endswith(".gserviceaccount.com")


def may_repeat(record: TaskRecord, idempotency: Idempotency, now: datetime) -> bool:
    """Whether the effect may begin (again): it never began, repeating is harmless, or the key is young enough."""
    effect = record.effect
    if not effect.possibly_applied or idempotency.kind == "natural":
        return True
    if idempotency.kind != "by_key" or effect.first_started_at is None:
        return False
    # Of a start that is yet to come nobody knows how long ago it was: the clock was ahead.
    return -OUTBOX_DELAY < now - effect.first_started_at < idempotency.safe_age


def ahead(at: datetime | None, now: datetime) -> bool:
    """Whether a lease, a pause or an outbox is still to end; one further ahead than any is set was by a wrong clock."""
    return at is not None and now < at <= now + LONGEST_WAIT


def attempts_left(record: TaskRecord, intent: Intent) -> bool:
    """Whether another attempt may begin: those at which the provider could do nothing do not count."""
    return record.exec.attempts - record.exec.waits < intent.limits.max_attempts


def must_wait(record: TaskRecord, now: datetime) -> None:
    """Raise `Refused` unless the task waits for a decision that has not expired."""
    if record.state != "AWAITING_APPROVAL":
        raise Refused(f"the task is {record.state}, not waiting for a decision", code="not_waiting")
    if expired(record, now):
        raise Refused("the approval has expired", code="expired")


def expired(record: TaskRecord, now: datetime) -> bool:
    """Whether nobody may decide any more."""
    return record.decision.expires_at is not None and now >= record.decision.expires_at


def must_have_rested(record: TaskRecord, looked_at: datetime, now: datetime) -> None:
    """Raise `Refused` if a request of an UNKNOWN effect may have been under way when somebody looked for the effect.

    An UNKNOWN task was updated last when it became so: asking the provider what happened does not begin the wait anew.
    """
    over_at = record.updated_at + RECONCILE_AFTER
    if record.state == "UNKNOWN" and looked_at < over_at <= now + LONGEST_WAIT:
        seconds = math.ceil((over_at - now).total_seconds())
        when = f"in {seconds} seconds" if seconds > 0 else "now"
        raise Refused(f"a request may have been under way when you looked; look again {when}", code="too_early")


def must_own(record: TaskRecord, epoch: int) -> None:
    """Raise `Skip` unless the task runs under this epoch: the fence of every commit of a worker."""
    if record.state != "EXECUTING" or record.exec.epoch != epoch:
        raise Skip(code="lease_lost")


def begun(effect: Effect, now: datetime) -> Effect:
    """Return the effect with the start marker: from now on it may have happened."""
    return effect.model_copy(update={"possibly_applied": True, "first_started_at": effect.first_started_at or now})


def restored(record: TaskRecord) -> TaskRecord:
    """Take this attempt's start marker back, never an earlier attempt's."""
    effect = record.effect.model_copy(update={"possibly_applied": record.effect.applied_before_attempt})
    return record.model_copy(update={"effect": effect})


def again(record: TaskRecord, intent: Intent, now: datetime, code: str, retry_after_s: float | None) -> TaskRecord:
    """EXECUTING -> READY: another attempt after a growing pause, or at the provider's time if that is later."""
    grown_s = min(2.0 ** min(record.exec.attempts, 10), MAX_RETRY_DELAY_S)
    delay_s = max(grown_s, min(retry_after_s or 0.0, MAX_ASKED_DELAY_S))
    outbox = Outbox(topic=intent.topic, generation=record.generation, due_at=now + timedelta(seconds=delay_s))
    not_before = outbox.due_at if retry_after_s is not None else None
    execution = record.exec.model_copy(update={"lease_until": None, "not_before": not_before})
    return move(record, "READY", now, by="execute", why=code, outbox=outbox, error=TaskError(code=code), exec=execution)


def give_up(
    record: TaskRecord, now: datetime, code: str, message: str, *, by: str = "execute", spent_ms: float = 0.0
) -> TaskRecord:
    """No more attempts: FAILED if certainly nothing happened in this generation, else UNKNOWN."""
    if record.effect.possibly_applied:
        return unknown(record, now, by=by, code=code)
    effect = record.effect.model_copy(update={"outcome": "not_applied"})
    return end(
        record,
        "FAILED",
        now,
        by=by,
        why=code,
        output=message or code,
        success=False,
        effect=effect,
        error=TaskError(code=code, message=message),
        spent_ms=spent_ms,
    )


def unknown(
    record: TaskRecord,
    now: datetime,
    *,
    by: str,
    code: str,
    message: str = "the effect may have happened; nobody repeats it until someone has looked",
) -> TaskRecord:
    """Enter UNKNOWN: nobody repeats the effect until the provider or a person has said what became of it."""
    effect = record.effect.model_copy(update={"outcome": "unknown", "reconciles": 0})
    return move(
        record, "UNKNOWN", now, by=by, why=code, effect=effect, outbox=None, error=TaskError(code=code, message=message)
    )


def settled(
    record: TaskRecord, verdict: Literal["applied", "not_applied"], now: datetime, *, by: str, why: str
) -> TaskRecord:
    """UNKNOWN -> SUCCEEDED | FAILED by a verdict."""
    applied = verdict == "applied"
    effect = record.effect.model_copy(update={"outcome": verdict, "possibly_applied": applied})
    return end(
        record,
        "SUCCEEDED" if applied else "FAILED",
        now,
        by=by,
        why=why,
        output="settled: it happened" if applied else "settled: it did not happen",
        success=applied,
        effect=effect,
        error=None if applied else TaskError(code="not_applied", message=why),
    )


def decided(decision: Literal["approve", "reject"], person: Person, now: datetime, comment: str) -> ApprovalDecision:
    """Return a person's decision as the task keeps it."""
    return ApprovalDecision(decision=decision, by=person.name, channel=person.channel, at=now, comment=comment[:1000])


def owe(topic: str, generation: int, now: datetime) -> Outbox:
    """Return an outbox whose message is about to be published for the first time."""
    return Outbox(topic=topic, generation=generation, due_at=now + OUTBOX_DELAY)


def end(
    record: TaskRecord,
    state: State,
    now: datetime,
    *,
    by: str,
    why: str,
    output: str,
    success: bool,
    spent_ms: float = 0.0,
    **changes: Any,
) -> TaskRecord:
    """Enter a terminal state with a result in our own words."""
    tokens = record.classification.tokens_used
    result = TaskResult(
        success=success, output=output[:MAX_OUTPUT_CHARS], execution_time_ms=spent_ms, tokens_used=tokens
    )
    return finished(record, state, now, by, why, result, **changes)


def finished(
    record: TaskRecord, state: State, now: datetime, by: str, why: str, result: TaskResult, **changes: Any
) -> TaskRecord:
    """Enter a terminal state and owe the result to topic `results`."""
    execution = record.exec.model_copy(update={"lease_until": None})
    return move(
        record,
        state,
        now,
        by=by,
        why=why,
        result=result,
        exec=execution,
        outbox=owe(RESULTS, record.generation, now),
        **changes,
    )


def move(record: TaskRecord, to: State, now: datetime, *, by: str, why: str, **changes: Any) -> TaskRecord:
    """Enter a state: one history entry, the sweeper's next look, and an expiry at an end: open work never expires."""
    kept_for = lifetime(record)
    expiry = {"kept_for_s": int(kept_for.total_seconds()), "expire_at": now + kept_for if to in TERMINAL else None}
    moved = {"state": to, "updated_at": now, "history": story(record, to, now, by, why)} | expiry
    return scheduled(record, **(moved | changes))


def story(record: TaskRecord, to: State, now: datetime, by: str, why: str) -> list[Transition]:
    """Return the history with one entry more; of a long one, the beginning and the end tell the story."""
    history = [*record.history, Transition(at=now, from_state=record.state, to=to, by=by[:200], why=why[:300])]
    return history if len(history) <= MAX_HISTORY else history[:KEPT_OLDEST] + history[KEPT_OLDEST + 1 :]


def lifetime(record: TaskRecord) -> timedelta:
    """Return how long a record is kept after its end; earlier versions gave it an expiry at every move instead."""
    if record.kept_for_s is not None:
        return timedelta(seconds=record.kept_for_s)
    return record.expire_at - record.updated_at if record.expire_at else DEFAULT_LIFETIME


def scheduled(record: TaskRecord, **changes: Any) -> TaskRecord:
    """Return the record with these changes and the `next_check_at` that they bring."""
    after = record.model_copy(update=changes)
    object.__setattr__(after, "next_check_at", _next_check(after))  # nobody has seen it yet: no second copy
    return after


def _next_check(record: TaskRecord) -> datetime | None:
    """Return when the sweeper must look again if nothing else happens."""
    if record.outbox is not None:
        return record.outbox.due_at
    if record.state == "EXECUTING":
        return record.exec.lease_until
    if record.state == "AWAITING_APPROVAL" and record.decision.expires_at is not None:
        expires_at = record.decision.expires_at
        remind_at = expires_at - min(REMINDER_BEFORE_EXPIRY, (expires_at - record.created_at) / 4)
        return expires_at if record.decision.reminded_at else remind_at
    if record.state == "READY":
        return record.updated_at + OUTBOX_DELAY
    if record.state == "UNKNOWN" and record.intent != UNCLASSIFIED:
        return record.updated_at + RECONCILE_AFTER
    return None
