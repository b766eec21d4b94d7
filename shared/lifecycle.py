"""The state machine of a task: every arrow is one pure function `(record, event, now) -> record`. No I/O.

An arrow that may not be taken raises `Refused` (a person asked) or `Skip` (a message asked) and changes nothing.
`now` is always the store's clock. What the arrows are made of is in `shared.moves`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.canonical import canonical_json, params_hash, sha256_hex
from shared.errors import Refused
from shared.intents import Intent
from shared.moves import (
    LEASE_MARGIN,
    MAX_RECONCILES,
    OUTBOX_DELAY,
    OUTBOX_MAX_DELAY,
    RECONCILE_AFTER,
    Person,
    Skip,
    again,
    decided,
    end,
    expired,
    finished,
    give_up,
    may_repeat,
    move,
    must_have_rested,
    must_own,
    must_wait,
    owe,
    restored,
    scheduled,
    settled,
    unknown,
)
from shared.schemas import (
    TERMINAL,
    AutomationTask,
    Classification,
    Decision,
    Effect,
    Execution,
    State,
    TaskRecord,
    TaskResult,
    Transition,
)
from shared.topics import RESULTS


@dataclass(frozen=True, slots=True)
class Plan:
    """What the gate decided about a new task."""

    intent: str
    intent_version: int
    parameters: Mapping[str, Any]
    classification: Classification
    decision: Decision
    topic: str  # where it goes if it may run; unused otherwise


# --- birth


def born(task: AutomationTask, plan: Plan, now: datetime, *, retention: timedelta, trace_id: str = "") -> TaskRecord:
    """(none) -> READY | AWAITING_APPROVAL."""
    payload = canonical_json(task.raw_payload)
    state: State = "READY" if plan.decision.route == "execute" else "AWAITING_APPROVAL"
    record = TaskRecord(
        task_id=task.task_id,
        state=state,
        generation=1,
        source=task.source,
        priority=task.priority,
        metadata=task.metadata,
        trace_id=trace_id,
        payload=payload.decode(),
        payload_sha256=sha256_hex(payload),
        classification=plan.classification,
        intent=plan.intent,
        intent_version=plan.intent_version,
        parameters=dict(plan.parameters),
        params_hash=params_hash(plan.intent, plan.intent_version, dict(plan.parameters)),
        decision=plan.decision,
        created_at=now,
        updated_at=now,
        expire_at=now + retention,
        history=[Transition(at=now, from_state="", to=state, by="classify", why=plan.decision.route)],
    )
    return scheduled(record, outbox=owe(plan.topic, 1, now) if state == "READY" else None)


# --- approval


def approve(
    record: TaskRecord,
    person: Person,
    now: datetime,
    *,
    intent: Intent,
    parameters: Mapping[str, Any],
    comment: str = "",
    reasons: list[str] | None = None,
) -> TaskRecord:
    """AWAITING_APPROVAL -> READY, with the parameters the person saw or, as a new generation, the ones they set.

    Raises:
        Refused: `not_waiting` or `expired`.
    """
    must_wait(record, now)
    chosen = params_hash(intent.name, intent.schema_version, dict(parameters))
    edited = chosen != record.params_hash
    generation = record.generation + 1 if edited else record.generation
    decision = record.decision
    if edited and reasons:
        decision = decision.model_copy(update={"reasons": [*decision.reasons, *(f"edited: {r}" for r in reasons)]})
    return move(
        record,
        "READY",
        now,
        by=person.name,
        why="approved, edited" if edited else "approved",
        generation=generation,
        intent=intent.name,
        intent_version=intent.schema_version,
        parameters=dict(parameters),
        params_hash=chosen,
        decision=decision,
        approval=decided("approve", person, now, comment),
        outbox=owe(intent.topic, generation, now),
    )


def reject(record: TaskRecord, person: Person, now: datetime, comment: str = "") -> TaskRecord:
    """AWAITING_APPROVAL -> REJECTED.

    Raises:
        Refused: `not_waiting` or `expired`.
    """
    must_wait(record, now)
    return end(
        record, "REJECTED", now, by=person.name, why="rejected", output="rejected by a person", success=False,
        approval=decided("reject", person, now, comment),
    )  # fmt: skip


def expire(record: TaskRecord, now: datetime) -> TaskRecord:
    """AWAITING_APPROVAL -> EXPIRED: nobody decided in time, which is not a person's no."""
    if record.state != "AWAITING_APPROVAL" or not expired(record, now):
        raise Skip(code="not_expired")
    return end(record, "EXPIRED", now, by="system:expiry", why="nobody decided", output="nobody decided", success=False)


# --- execution


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
        if record.exec.lease_until is not None and now < record.exec.lease_until:
            same = record.exec.message_id == message_id
            raise Skip(code="lease_held_by_this_message" if same else "lease_held")
        if not may_repeat(record, intent.idempotency, now):
            return unknown(record, now, by="execute", why="lease expired after the effect may have begun")
    elif record.state != "READY":
        raise Skip(code="already_done")
    elif record.exec.not_before is not None and now < record.exec.not_before:
        raise Skip(code="too_early")
    if record.exec.attempts >= intent.limits.max_attempts:
        return give_up(record, now, "attempts_exhausted", "every attempt ended early")
    lease = now + timedelta(seconds=intent.limits.timeout_s) + LEASE_MARGIN
    execution = Execution(
        epoch=record.exec.epoch + 1,
        lease_until=lease,
        owner_nonce=nonce,
        message_id=message_id,
        attempts=record.exec.attempts + 1,
    )
    effect = record.effect.model_copy(update={"applied_before_attempt": record.effect.possibly_applied})
    return move(
        record, "EXECUTING", now, by="execute", why=f"attempt {execution.attempts}", exec=execution, effect=effect,
        outbox=None,
    )  # fmt: skip


def start(record: TaskRecord, epoch: int, intent: Intent, now: datetime, refusal: str | None) -> TaskRecord:
    """Set the start marker, in its own commit or in the claim's; `refusal` is why policy forbids the effect now.

    Returns EXECUTING with the marker set, or FAILED | UNKNOWN where the effect may not begin.

    Raises:
        Skip: `lease_lost`: another worker owns the task, stop without the effect.
    """
    must_own(record, epoch)
    if record.exec.lease_until is None or now >= record.exec.lease_until:
        raise Skip(code="lease_lost")
    if refusal is not None:
        return give_up(record, now, refusal, "policy forbids the effect now")
    if not may_repeat(record, intent.idempotency, now):
        return unknown(record, now, by="execute", why="the idempotency key is too old to be used again")
    effect = record.effect.model_copy(
        update={"possibly_applied": True, "first_started_at": record.effect.first_started_at or now}
    )
    return scheduled(record, effect=effect)


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
    """A definite `NotApplied`: EXECUTING -> READY while attempts are left, else FAILED, or UNKNOWN as for `fail`.

    Raises:
        Skip: `lease_lost`.
    """
    must_own(record, epoch)
    record = restored(record)
    if record.exec.attempts >= intent.limits.max_attempts:
        return give_up(record, now, code, "attempts exhausted", spent_ms=spent_ms)
    return again(record, intent, now, code, retry_after_s)


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

    Raises:
        Skip: `lease_lost`.
    """
    must_own(record, epoch)
    if not record.effect.possibly_applied:  # it ended before the start marker: nothing was sent
        return retry(record, epoch, intent, now, code=code)
    if record.exec.attempts < intent.limits.max_attempts and may_repeat(record, intent.idempotency, now):
        return again(record, intent, now, code, None)
    return unknown(record, now, by="execute", why=code)


# --- repair


def reconciled(
    record: TaskRecord, generation: int, verdict: Literal["applied", "not_applied", "unknown"] | None, now: datetime
) -> TaskRecord:
    """UNKNOWN -> SUCCEEDED | FAILED by the provider's own word, or stay UNKNOWN and ask again later.

    None: the handler has no way to ask, so a person must look.
    """
    if record.state != "UNKNOWN" or record.generation != generation:
        raise Skip(code="already_done")
    if verdict is None:
        return record.model_copy(update={"outbox": None, "next_check_at": None})
    if verdict == "unknown":
        asked = record.effect.reconciles + 1
        effect = record.effect.model_copy(update={"reconciles": asked})
        again = now + RECONCILE_AFTER * 2**asked if asked < MAX_RECONCILES else None
        return record.model_copy(update={"effect": effect, "outbox": None, "next_check_at": again})
    return settled(record, verdict, now, by="reconcile", why="the provider said so")


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
) -> TaskRecord:
    """FAILED | UNKNOWN | EXPIRED | REJECTED -> READY as a new generation, decided by a person.

    `not_applied` is the verdict of a person who looked at `looked_at`: nothing happened. Only it gives the provider a
    new key.

    Raises:
        Refused: wrong state, an UNKNOWN effect that may not be repeated without a verdict, or `too_early` for one.
    """
    if record.state not in ("FAILED", "UNKNOWN", "EXPIRED", "REJECTED"):
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
    if record.effect.possibly_applied and not not_applied and chosen != record.params_hash:
        raise Refused("parameters can change only after the verdict not_applied", code="verdict_needed")
    approved = record.approval is not None and record.approval.decision == "approve" and chosen == record.params_hash
    return move(
        record,
        "READY",
        now,
        by=person.name,
        why=reason,
        generation=record.generation + 1,
        intent=intent.name,
        intent_version=intent.schema_version,
        parameters=dict(parameters),
        params_hash=chosen,
        # Whoever redrives has seen these parameters: policy that turned against the task cannot end it once more.
        approval=record.approval if approved else decided("approve", person, now, reason),
        exec=Execution(epoch=record.exec.epoch),
        effect=Effect(seq=record.effect.seq + 1) if not_applied else record.effect,
        error=None,
        result=None,
        outbox=owe(intent.topic, record.generation + 1, now),
    )


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
    if record.state == "EXECUTING" and record.exec.lease_until is not None and now < record.exec.lease_until:
        raise Skip(code="lease_held")
    return give_up(record, now, "dead_lettered", "the message failed too often", by="deadletter")


# --- the sweeper


def sweep(record: TaskRecord, topic: str | None, now: datetime) -> TaskRecord:
    """Return what the task needs when its `next_check_at` has passed: what its outbox owes is then to be published.

    `topic` is the intent's; None if there is no such intent any more, so that nobody would read it. Running it twice
    is safe: the first run moves `next_check_at`.

    Raises:
        Skip: `not_due`.
    """
    if record.next_check_at is None or now < record.next_check_at:
        raise Skip(code="not_due")
    if record.state == "AWAITING_APPROVAL":
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
