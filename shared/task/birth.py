"""How a task begins: the gate's plan in, its first record out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.canonical import canonical_json, params_hash, sha256_hex
from shared.task.moves import owe, scheduled
from shared.task.schemas import (
    AutomationTask,
    Classification,
    Decision,
    Requester,
    State,
    TaskRecord,
    Ticket,
    Transition,
)
from shared.task.search_keys import keys_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What the gate decided about a new task."""

    intent: str
    intent_version: int
    parameters: Mapping[str, Any]
    classification: Classification
    decision: Decision
    topic: str  # where it goes if it may run; unused otherwise


def born(
    task: AutomationTask,
    plan: Plan,
    now: datetime,
    *,
    retention: timedelta,
    trace_id: str = "",
    requester: Mapping[str, str] | None = None,
    ticket: Ticket | None = None,
    texts: Iterable[str] = (),
) -> TaskRecord:
    """(none) -> READY | AWAITING_APPROVAL. `texts` are the words of the event, masked: it is found by them."""
    payload = canonical_json(task.raw_payload)
    state: State = "READY" if plan.decision.route == "execute" else "AWAITING_APPROVAL"
    asks = {k: v for k, v in (requester or {}).items() if k in Requester.model_fields}
    shown = plan.parameters or plan.classification.parameters
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
        requester=Requester(**asks),
        keys=keys_of(task.task_id, asks, ticket.model_dump() if ticket else {}, shown, texts),
        ticket=ticket,
        classification=plan.classification,
        intent=plan.intent,
        intent_version=plan.intent_version,
        parameters=dict(plan.parameters),
        params_hash=params_hash(plan.intent, plan.intent_version, dict(plan.parameters)),
        decision=plan.decision,
        created_at=now,
        updated_at=now,
        kept_for_s=int(retention.total_seconds()),
        expire_at=None,
        history=[Transition(at=now, from_state="", to=state, by="classify", why=plan.decision.route)],
    )
    return scheduled(record, outbox=owe(plan.topic, 1, now) if state == "READY" else None)
