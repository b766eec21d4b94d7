"""Creating a task's record exactly once: record, approval, usage and subject in one commit; the first one wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.event.payload import View
from shared.gate.amount import priced
from shared.gate.counting import counter_of, usage_of, use_of
from shared.gate.policy import Usage, likes, subject_path
from shared.intent.declaration import Intent
from shared.records.approvals import approval_of
from shared.records.audits import audit_of, audit_path
from shared.records.documents import approval_path, task_path, to_document, to_record, transact
from shared.task.birth import Plan, born
from shared.task.requester_key import keyed
from shared.task.schemas import AutomationTask, TaskRecord
from shared.task.subjects import Subject, Wish, with_wish
from shared.task.subjects import like as like_wishes
from shared.task.ticket import ticket_of
from shared.task.usage import Used, with_use
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Document, Snapshot

NEVER = datetime.min.replace(tzinfo=UTC)
Decide = Callable[[Usage, datetime], Plan]


@dataclass(frozen=True, slots=True)
class Created:
    """The record that stands, its version, whether this call made it, and the tasks that asked the like before."""

    record: TaskRecord
    version: str
    is_new: bool
    like: tuple[Wish, ...] = ()


async def create(
    ports: Ports,
    task: AutomationTask,
    seen: View,
    decide: Decide,
    *,
    texts: Mapping[str, str],
    now: datetime,
    trace_id: str,
    audit_draw: float | None = None,
) -> Created:
    """Create the record that the pure `decide` plans; with it the approval if it pauses, its use of the allowance
    and perhaps an audit if it runs, and its place among the wishes about the same business subject.

    `texts` are the words of `seen`, masked: lists show them, and the task is found by them.
    `now` is the store's time, at which the caller saw no record; `audit_draw` the number by chance that
    has chosen it for an audit, None: it is not chosen.

    Raises:
        StoreUnavailable: nothing was created.
        Gone: it was created before, ended, and was removed.
    """
    path, pause = task_path(task.task_id), approval_path(task.task_id)
    first = decide(Usage(), now)
    intent = ports.registry.get(first.intent)
    counter = counter_of(intent, first.parameters, seen)
    subject = subject_path(intent, first.parameters) if intent else None
    retention = timedelta(days=ports.settings.retention_days)
    audit = None if audit_draw is None else audit_path(task.task_id)
    ticket = ticket_of(task.source, task.raw_payload, texts, ports.settings.zendesk_url)
    made: TaskRecord | None = None
    like: tuple[Wish, ...] = ()

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal made, like
        made = None
        if snapshots[path].data is not None:
            return {}
        at = snapshots[path].read_time
        in_doubt = bool(ports.clock_trouble())
        like = wishes_like(snapshots.get(subject or ""), intent, task.task_id, ever=in_doubt)
        used = _used(snapshots.get(counter or ""))
        usage = usage_of(used, at, like)
        decided = first if at == now and usage == Usage() else decide(usage, at)
        record = born(
            task,
            decided,
            at,
            retention=retention,
            trace_id=trace_id,
            requester=seen.fields.get("requester"),
            ticket=ticket,
            texts=texts.values(),
        )
        record = made = priced(keyed(record, ports.settings.privacy_key), ports.registry)
        writes: dict[str, Document] = {path: to_document(record)}
        if record.state == "AWAITING_APPROVAL":
            writes[pause] = to_document(approval_of(record, ports.registry))
        elif counter:
            writes[counter] = with_use(used, use_of(intent, decided.parameters, at)).model_dump()
        if audit_draw is not None and audit and intent and record.state == "READY":
            writes[audit] = audit_of(record, intent, ports.settings, audit_draw).model_dump()
        if subject and intent:
            writes[subject] = wished(snapshots[subject], intent, record)
        return writes

    # Nothing but a counter or a subject has to be read: what should be absent is checked by the commit itself.
    paths = (path, pause, *(p for p in (counter, subject, audit) if p))
    known = () if counter or subject else [Snapshot(p, None, ABSENT, now) for p in paths]
    snapshots = await transact(ports.store, paths, body, known)
    return Created(made or to_record(snapshots[path]), snapshots[path].version, made is not None, like)


def wishes_like(
    snapshot: Snapshot | None, intent: Intent | None, task_id: str, *, ever: bool = False
) -> tuple[Wish, ...]:
    """Return what other tasks asked about the subject of a snapshot that makes a wish of `intent` a repetition.

    `ever`: how long ago that was does not count, for the clock is in doubt.
    """
    if snapshot is None or snapshot.data is None or intent is None:
        return ()
    since = NEVER if ever else snapshot.read_time - intent.policy.within
    return like_wishes(Subject.model_validate(snapshot.data), likes(intent), since, task_id)


def wished(snapshot: Snapshot, intent: Intent, record: TaskRecord, started_at: datetime | None = None) -> Document:
    """Return the subject's document with the wish of a task, and since when its effect may have begun."""
    known = Subject.model_validate(snapshot.data) if snapshot.data else None
    wish = Wish(task_id=record.task_id, intent=intent.name, at=snapshot.read_time, started_at=started_at)
    return with_wish(known, wish, intent.policy.within, snapshot.read_time).model_dump()


def _used(snapshot: Snapshot | None) -> Used | None:
    return Used.model_validate(snapshot.data) if snapshot and snapshot.data else None
