"""The ways out of AWAITING_APPROVAL, and back into it where the source takes its words back. Pure.

An arrow that may not be taken raises `Refused` (a person asked) or `Skip` (a message asked) and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.canonical import params_hash
from shared.intent.declaration import Intent
from shared.task.moves import Person, Skip, decided, end, expired, move, must_wait, owe
from shared.task.schemas import MAX_FOLLOWUPS, Followup, Requester, TaskRecord


def approve(
    record: TaskRecord,
    person: Person,
    now: datetime,
    *,
    intent: Intent,
    parameters: Mapping[str, Any],
    comment: str = "",
    reasons: list[str] | None = None,
    requester: Requester | None = None,
) -> TaskRecord:
    """AWAITING_APPROVAL -> READY, with the parameters the person saw or, as a new generation, the ones they set.

    `requester`: whose request it is, where the person said so; also a new generation.

    Raises:
        Refused: `not_waiting` or `expired`.
    """
    must_wait(record, now)
    chosen = params_hash(intent.name, intent.schema_version, dict(parameters))
    edited = chosen != record.params_hash or requester is not None
    why = "approved" + (", edited" if chosen != record.params_hash else "") + (", requester set" if requester else "")
    generation = record.generation + 1 if edited else record.generation
    decision = record.decision
    if edited and reasons:
        decision = decision.model_copy(update={"reasons": [*decision.reasons, *(f"edited: {r}" for r in reasons)]})
    return move(
        record,
        "READY",
        now,
        by=person.name,
        why=why,
        generation=generation,
        intent=intent.name,
        intent_version=intent.schema_version,
        parameters=dict(parameters),
        params_hash=chosen,
        decision=decision,
        requester=requester or record.requester,
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
        record,
        "REJECTED",
        now,
        by=person.name,
        why="rejected",
        output="rejected by a person",
        success=False,
        approval=decided("reject", person, now, comment),
    )


def expire(record: TaskRecord, now: datetime) -> TaskRecord:
    """AWAITING_APPROVAL -> EXPIRED: nobody decided in time, which is not a person's no."""
    if record.state != "AWAITING_APPROVAL" or not expired(record, now):
        raise Skip(code="not_expired")
    return end(record, "EXPIRED", now, by="system:expiry", why="nobody decided", output="nobody decided", success=False)


def follow_up(record: TaskRecord, told: Followup, reason: str, now: datetime, *, patience: timedelta) -> TaskRecord:
    """Add what the source told since. While the effect has not begun, a person must look, again perhaps.

    READY -> AWAITING_APPROVAL as a new generation, so that what is under way dies; a task that waits keeps waiting and
    names the reason; of every other state it is a line.

    Raises:
        Skip: `already_told`.
    """
    if any((f.kind, f.revision, f.task_id) == (told.kind, told.revision, told.task_id) for f in record.followups):
        raise Skip(code="already_told")
    record = record.model_copy(update={"followups": [*record.followups, told][-MAX_FOLLOWUPS:]})
    decision = record.decision.model_copy(update={"reasons": [*record.decision.reasons, reason]})
    if record.state == "AWAITING_APPROVAL":
        return record.model_copy(update={"decision": decision})
    if record.state != "READY" or record.effect.possibly_applied:
        return record
    waits = {"route": "approve", "expires_at": now + patience, "reminded_at": None}
    return move(
        record,
        "AWAITING_APPROVAL",
        now,
        by="source",
        why=told.kind,
        generation=record.generation + 1,
        decision=decision.model_copy(update=waits),
        approval=None,
        outbox=None,
        error=None,
    )
