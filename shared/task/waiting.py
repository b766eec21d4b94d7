"""The ways out of AWAITING_APPROVAL: approve, reject, expire. Pure.

An arrow that may not be taken raises `Refused` (a person asked) or `Skip` (a message asked) and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.canonical import params_hash
from shared.intent.declaration import Intent
from shared.task.moves import Person, Skip, decided, end, expired, move, must_wait, owe
from shared.task.schemas import Requester, TaskRecord


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
