"""The guarantee: outboxes due are published, dead leases and old approvals end, lost decisions are asked for again.

Each action is a compare-and-set, so two sweeps at once, or one that dies midway, do no harm.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import datetime
from functools import partial

from functions.sweep.approvals import answer_stray, lost_decisions, restore
from functions.sweep.breakers import trip_breakers
from functions.sweep.drift import look_for_drift
from functions.sweep.pages import pages
from functions.sweep.retention import entomb_expired
from functions.sweep.stopped import left_waiting
from functions.sweep.switches import tell_odd_switches
from functions.sweep.unreadable import put_back
from shared import tracing
from shared.errors import NotFound, Retry, Skip
from shared.logs import log
from shared.records import decisions
from shared.records.documents import Changed, change, to_record
from shared.records.edits import NOBODY, Edit, take
from shared.records.outbox import pay
from shared.serving.entry import Outcome
from shared.task import upkeep
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Filter, Snapshot

PAGE = 200
MAX_PAGES = 50
IN_FLIGHT = 20


async def sweep(ports: Ports) -> Outcome:
    """Look after everything that is due; `body` counts the actions.

    Raises:
        StoreUnavailable: the next sweep goes on.
    """
    (clock,) = await ports.store.read("switches/sweep")  # any document: it is the server's time that is wanted
    done: Counter[str] = Counter()
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(snapshot: Snapshot) -> None:
        async with slots:
            with tracing.entered("sweep", "", kind="internal", function="sweep", task_id=snapshot.id) as seen:
                what = await _alone(snapshot, _look_after(ports, snapshot))
                seen.tell(outcome=what)
            done[what] += 1
            if what == "unreadable":
                await put_back(ports, snapshot, "next_check_at", clock.read_time)

    where, overdue_s = [Filter("next_check_at", "<=", clock.read_time)], 0.0
    due = partial(ports.store.query, "tasks", where=where, order_by="next_check_at")
    async for page in pages(due, PAGE, MAX_PAGES):
        overdue_s = overdue_s or (_overdue_s(page[0], clock.read_time) if page else 0.0)
        await asyncio.gather(*(one(s) for s in page))
    if ports.clock_trouble():
        await asyncio.gather(*(one(s) for s in await left_waiting(ports.store, clock.read_time)))
    async for approval in lost_decisions(ports, clock.read_time, PAGE, MAX_PAGES):
        done[await _alone(approval, _consume(ports, approval))] += 1
    done += await entomb_expired(ports, clock.read_time)
    await tell_odd_switches(ports)
    await trip_breakers(ports, clock.read_time)
    await look_for_drift(ports, clock.read_time)
    counts = dict(+done)
    return Outcome("swept", body=counts, fields={"count": sum(counts.values()), "overdue_s": overdue_s})


def _overdue_s(snapshot: Snapshot, now: datetime) -> float:
    """Return how many seconds ago this task should have been looked at."""
    due_at: datetime = (snapshot.data or {})["next_check_at"]
    return round((now - due_at).total_seconds(), 1)


async def _alone(snapshot: Snapshot, work: Awaitable[str]) -> str:
    """Keep what one document breaks from stopping the sweep of all others; return a word for what was done."""
    try:
        return await work
    except Retry:
        return "failed"  # still due: the next sweep comes back to it
    except Exception as error:  # a document of a later version, or one that somebody edited by hand
        log(
            "ERROR",
            "a document cannot be swept",
            function="sweep",
            task_id=snapshot.id,
            outcome="unreadable",
            error_type=type(error).__name__,
        )
        return "unreadable"


async def _look_after(ports: Ports, snapshot: Snapshot) -> str:
    """Do what one task needs now."""
    record = to_record(snapshot)
    try:
        if record.state == "AWAITING_APPROVAL":
            return await _overdue(ports, record, snapshot)
        changed = await _sweep(ports, record, snapshot)
        _tell(record, changed.after)
        if changed.after.outbox is None:
            return "checked"
        await pay(ports, changed.after, changed.version)
    except (Skip, NotFound):
        return "skipped"
    return "published"


async def _overdue(ports: Ports, record: TaskRecord, snapshot: Snapshot) -> str:
    """End an approval that nobody gave in time, or remind of one that soon ends."""
    try:
        _tell(record, await decisions.expire(ports, record.task_id))
        return "expired"
    except Skip as skip:
        if skip.code == "clock_stepped" and record.decision.reminded_at:
            return "skipped"
        await _sweep(ports, record, snapshot)
    is_restored = await restore(ports, record.task_id)
    log(
        "WARNING",
        "approval is about to expire",
        task_id=record.task_id,
        intent=record.intent,
        outcome="approval_expiring",
        trace_id=record.trace_id,
    )
    return "restored" if is_restored else "reminded"


async def _sweep(ports: Ports, record: TaskRecord, snapshot: Snapshot) -> Changed:
    """Move the task on as the page showed it; it is read again only where somebody was faster."""
    intent = ports.registry.get(record.intent)
    topic, known = intent.topic if intent else None, Changed(record, record, snapshot)
    return await change(ports.store, record.task_id, lambda r, now: upkeep.sweep(r, topic, now), known=known)


def _tell(before: TaskRecord, after: TaskRecord) -> None:
    """Log the state that the sweep itself has brought a task into."""
    if after.state != before.state:
        log(
            "NOTICE",
            "task ended by the sweep",
            function="sweep",
            task_id=after.task_id,
            source=after.source,
            intent=after.intent,
            generation=after.generation,
            state_from=before.state,
            state_to=after.state,
            outcome=after.state.lower(),
            trace_id=after.trace_id,
            error_code=after.error.code if after.error else None,
        )


async def _consume(ports: Ports, approval: Snapshot) -> str:
    """Ask again: without its event nobody knows who decided."""
    try:
        outcome = await take(ports, Edit(approval.id, NOBODY, None, approval.data))
    except NotFound as error:  # made by hand, or written after its task was removed
        return await answer_stray(ports, approval, error)
    return "asked_again" if outcome.code == "edit_refused" else "skipped"
