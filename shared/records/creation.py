"""Creating a task's record exactly once: record, approval and usage counter in one commit; the first one wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.event.payload import View
from shared.gate.policy import Usage, subject_of, usage_path
from shared.records.documents import approval_path, task_path, to_document, to_record, transact
from shared.task.birth import Plan, born
from shared.task.schemas import Approval, AutomationTask, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Document, Snapshot

Decide = Callable[[Usage, datetime], Plan]


@dataclass(frozen=True, slots=True)
class Created:
    """The record that stands, its version, and whether this call made it."""

    record: TaskRecord
    version: str
    is_new: bool


async def create(
    ports: Ports, task: AutomationTask, seen: View, decide: Decide, *, now: datetime, trace_id: str
) -> Created:
    """Create the record that the pure `decide` plans; with it the approval if it pauses, today's usage if it runs.

    `now` is the store's time, at which the caller saw no record.

    Raises:
        StoreUnavailable: nothing was created.
    """
    path, pause = task_path(task.task_id), approval_path(task.task_id)
    first = decide(Usage(), now)
    counter = _counter(ports, first, seen, now)
    retention = timedelta(days=ports.settings.retention_days)
    made: TaskRecord | None = None

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal made
        made = None
        if snapshots[path].data is not None:
            return {}
        at = snapshots[path].read_time
        usage = _usage(snapshots[counter]) if counter else Usage()
        decided = first if at == now and usage == Usage() else decide(usage, at)
        record = made = born(
            task, decided, at, retention=retention, trace_id=trace_id, requester=seen.fields.get("requester")
        )
        writes: dict[str, Document] = {path: to_document(record)}
        if record.state == "AWAITING_APPROVAL":
            writes[pause] = to_document(approval_of(record))
        elif counter:
            writes[counter] = _used(ports, usage, decided, record.expire_at)
        return writes

    # Nothing but a counter has to be read: what should be absent is checked by the commit itself.
    paths = (path, pause, counter) if counter else (path, pause)
    known = () if counter else [Snapshot(p, None, ABSENT, now) for p in paths]
    snapshots = await transact(ports.store, paths, body, known)
    return Created(made or to_record(snapshots[path]), snapshots[path].version, made is not None)


def approval_of(record: TaskRecord) -> Approval:
    """Return the document that people decide on: the raw suggestion where nothing valid could be read."""
    expires_at = record.decision.expires_at
    assert expires_at is not None, "a paused task has an expiry"
    return Approval(
        task_id=record.task_id,
        intent=record.intent,
        parameters=record.shown_parameters,
        confidence=record.classification.confidence,
        reasons=record.decision.reasons,
        params_hash=record.params_hash,
        requested_at=record.created_at,
        expires_at=expires_at,
        expire_at=record.expire_at,
    )


def _counter(ports: Ports, decided: Plan, seen: View, now: datetime) -> str | None:
    """Return the path of the usage counter that this plan must respect, if its intent counts at all."""
    intent = ports.registry.get(decided.intent)
    if intent is None or (intent.policy.per_day is None and intent.policy.amount is None):
        return None
    subject = subject_of(intent, decided.parameters, seen)
    return usage_path(intent, subject, now) if subject else None


def _usage(snapshot: Snapshot) -> Usage:
    used = snapshot.data or {}
    return Usage(used.get("count", 0), used.get("amount", 0))


def _used(ports: Ports, usage: Usage, decided: Plan, expire_at: datetime) -> Document:
    field = ports.registry[decided.intent].policy.amount
    amount = decided.parameters.get(field, 0) if field else 0
    return {"count": usage.count + 1, "amount": usage.amount + amount, "expire_at": expire_at}
