"""The arrows around one attempt: claim, start, and its five ends. Pure; `now` is always the store's clock.

An arrow that may not be taken raises `Skip` and changes nothing: another worker owns the task, or nothing is to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import Skip
from shared.intent.declaration import Intent
from shared.task.moves import (
    LEASE_MARGIN,
    again,
    ahead,
    attempts_left,
    begun,
    finished,
    give_up,
    may_repeat,
    move,
    must_own,
    restored,
    scheduled,
    unknown,
)
from shared.task.schemas import Execution, Outbox, TaskError, TaskRecord, TaskResult

SWITCHED_OFF = "switched_off"
KEY_TOO_OLD = "the effect may have happened, and its idempotency key is too old to be used again; someone has to look"
HOLD = timedelta(minutes=5)  # until it is looked again whether the intent is on; the sweep adds a minute at most


def claim(
    record: TaskRecord, generation: int, intent: Intent, now: datetime, *, nonce: str, message_id: str
) -> TaskRecord:
    """READY -> EXECUTING, or EXECUTING with a dead lease -> EXECUTING under a new epoch, or -> UNKNOWN | FAILED.

    It proves that the message arrived, so it clears the outbox.

    Raises:
        Skip: `stale`, `other_intent`, `already_done`, `too_early`, `lease_held` or `lease_held_by_this_message`.
    """
    if record.generation != generation:
        raise Skip(code="stale")
    if record.intent != intent.name:  # on the wrong topic, or forged
        raise Skip(code="other_intent")
    if record.state == "EXECUTING":
        if ahead(record.exec.lease_until, now):
            same = record.exec.message_id == message_id
            raise Skip(code="lease_held_by_this_message" if same else "lease_held")
        if not may_repeat(record, intent.idempotency, now):
            return unknown(record, now, by="execute", code="lease_expired")
    elif record.state != "READY":
        raise Skip(code="already_done")
    elif ahead(record.exec.not_before, now):
        raise Skip(code="too_early")
    if not attempts_left(record, intent):
        return give_up(record, now, "attempts_exhausted", "every attempt ended early")
    execution = record.exec.model_copy(
        update={
            "epoch": record.exec.epoch + 1,
            "lease_until": now + timedelta(seconds=intent.limits.timeout_s) + LEASE_MARGIN,
            "owner_nonce": nonce,
            "message_id": message_id,
            "attempts": record.exec.attempts + 1,
            "not_before": None,
        }
    )
    effect = record.effect.model_copy(update={"applied_before_attempt": record.effect.possibly_applied})
    return move(
        record,
        "EXECUTING",
        now,
        by="execute",
        why=f"attempt {execution.attempts}",
        exec=execution,
        effect=effect,
        outbox=None,
    )


def start(record: TaskRecord, epoch: int, intent: Intent, now: datetime, refusal: str | None) -> TaskRecord:
    """Set the start marker, in its own commit or in the claim's; `refusal` is why policy forbids the effect now.

    Returns EXECUTING with the marker set, or FAILED | UNKNOWN where the effect may not begin.

    Raises:
        Skip: `lease_lost`: another worker owns the task, stop without the effect.
    """
    must_own(record, epoch)
    if record.exec.lease_until is None or now >= record.exec.lease_until:
        raise Skip(code="lease_lost")
    has_begun = record.effect.possibly_applied and not record.effect.applied_before_attempt
    if refusal == SWITCHED_OFF and not has_begun:
        return hold(record, intent, now)
    if refusal is not None:
        return give_up(record, now, refusal, "policy forbids the effect now")
    if not may_repeat(record, intent.idempotency, now):
        return unknown(record, now, by="execute", code="key_too_old", message=KEY_TOO_OLD)
    return scheduled(record, effect=begun(record.effect, now))


def hold(record: TaskRecord, intent: Intent, now: datetime) -> TaskRecord:
    """READY | EXECUTING -> READY for later: its intent is switched off, which costs no attempt."""
    outbox = Outbox(topic=intent.topic, generation=record.generation, due_at=now + HOLD)
    error = TaskError(code=SWITCHED_OFF, message="its intent is switched off; it goes on when that is on again")
    if record.state == "READY" and record.error == error:
        return scheduled(record, outbox=outbox)
    execution = record.exec
    if record.state == "EXECUTING":
        record, execution = restored(record), execution.model_copy(update={"waits": execution.waits + 1})
    execution = execution.model_copy(update={"lease_until": None, "not_before": None})
    return move(record, "READY", now, by="execute", why=SWITCHED_OFF, exec=execution, outbox=outbox, error=error)


def ask(
    record: TaskRecord, generation: int, epoch: int, now: datetime, *, reason: str, patience: timedelta
) -> TaskRecord:
    """READY | EXECUTING -> AWAITING_APPROVAL as a new generation: nobody has decided it, and it may not run by itself
    any more. `reason`: `code: words`.

    Raises:
        Skip: `lease_lost`: somebody else has moved it on, or its effect may have begun.
    """
    is_same = (record.generation, record.exec.epoch) == (generation, epoch)
    if record.state not in ("READY", "EXECUTING") or not is_same or record.effect.possibly_applied:
        raise Skip(code="lease_lost")
    waits = {"route": "approve", "expires_at": now + patience, "reminded_at": None}
    reasons = [*(r for r in record.decision.reasons if r != reason), reason]
    return move(
        record,
        "AWAITING_APPROVAL",
        now,
        by="execute",
        why=reason.partition(":")[0],
        generation=generation + 1,
        decision=record.decision.model_copy(update=waits | {"reasons": reasons}),
        exec=Execution(epoch=epoch),
        outbox=None,
        error=None,
    )


def succeed(record: TaskRecord, epoch: int, result: TaskResult, provider_ref: str | None, now: datetime) -> TaskRecord:
    """EXECUTING -> SUCCEEDED.

    Raises:
        Skip: `lease_lost`.
    """
    must_own(record, epoch)
    effect = record.effect.model_copy(update={"outcome": "applied", "provider_ref": provider_ref})
    return finished(record, "SUCCEEDED", now, "execute", "", result, effect=effect, error=None)


def retry(
    record: TaskRecord,
    epoch: int,
    intent: Intent,
    now: datetime,
    *,
    code: str,
    retry_after_s: float | None = None,
    spent_ms: float = 0.0,
) -> TaskRecord:
    """A definite `NotApplied`: EXECUTING -> READY while patience lasts, else FAILED, or UNKNOWN as for `fail`.

    The attempt is handed back: a provider in trouble costs time, and no attempts.

    Raises:
        Skip: `lease_lost`.
    """
    must_own(record, epoch)
    record = restored(record)
    since = record.exec.waiting_since or now
    if now - since >= timedelta(seconds=intent.limits.patience_s):
        return give_up(record, now, code, "patience exhausted", spent_ms=spent_ms)
    execution = record.exec.model_copy(update={"waits": record.exec.waits + 1, "waiting_since": since})
    return again(record.model_copy(update={"exec": execution}), intent, now, code, retry_after_s)


def fail(
    record: TaskRecord, epoch: int, now: datetime, *, code: str, message: str, spent_ms: float = 0.0
) -> TaskRecord:
    """A definite `Permanent`: EXECUTING -> FAILED, or UNKNOWN where an earlier attempt was ambiguous.

    Raises:
        Skip: `lease_lost`.
    """
    must_own(record, epoch)
    return give_up(restored(record), now, code, message, spent_ms=spent_ms)


def ambiguous(record: TaskRecord, epoch: int, intent: Intent, now: datetime, *, code: str) -> TaskRecord:
    """It may have happened: EXECUTING -> READY with the same key where repeating is safe, else UNKNOWN.

    Where it ended before the start marker, nothing was sent: repeated as well, and FAILED in the end.

    Raises:
        Skip: `lease_lost`.
    """
    must_own(record, epoch)
    if attempts_left(record, intent) and may_repeat(record, intent.idempotency, now):
        return again(record, intent, now, code, None)
    return give_up(record, now, code, "attempts exhausted")


def pending(record: TaskRecord, epoch: int, now: datetime, *, code: str, message: str) -> TaskRecord:
    """The provider has it and is not done: EXECUTING -> UNKNOWN, where nobody repeats it and its end is looked for.

    Raises:
        Skip: `lease_lost`.
    """
    must_own(record, epoch)
    record = record.model_copy(update={"effect": begun(record.effect, now)})
    return unknown(record, now, by="execute", code=code, message=message)
