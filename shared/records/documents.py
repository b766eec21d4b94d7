"""Reading and changing documents: every change is a compare-and-set on the versions that were read.

A change reads its documents at one server time, asks a pure function what to write, and commits only if nobody wrote
in between; else it reads again. That is one round trip less than a transaction, and takes no lock.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from shared import tracing
from shared.errors import CommitUnknown, Conflict, Gone, NotFound, StoreUnavailable
from shared.task.approval import Approval
from shared.task.schemas import TaskRecord, TaskRow
from shared.task.tombstone import MEMBER, Tombstone
from shared.wiring.ports import Document, Row, Snapshot, Store, Write

ROW_FIELDS = tuple(TaskRow.model_fields)
MAX_TRIES = 8
MAX_LOOKS = 3
FIRST_PAUSE_S = 0.02

Body = Callable[[Mapping[str, Snapshot]], Mapping[str, Document]]


class _Versioned(BaseModel, extra="ignore", strict=True, hide_input_in_errors=True):
    """What is looked at before the rest of a task's document."""

    schema_version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Changed:
    """A task before and after one change, and its document as the change left it."""

    before: TaskRecord
    after: TaskRecord
    snapshot: Snapshot

    @property
    def version(self) -> str:
        """The version that the change gave the document."""
        return self.snapshot.version

    @property
    def now(self) -> datetime:
        """The store's time of the change."""
        return self.snapshot.read_time


def task_path(task_id: str) -> str:
    """Return the path of a task's document."""
    return f"tasks/{task_id}"


def approval_path(task_id: str) -> str:
    """Return the path of a task's approval document."""
    return f"approvals/{task_id}"


def to_document(model: TaskRecord | Approval) -> Document:
    """Return the model as the store takes it: JSON types and aware datetimes."""
    return tracing.stamped(model.model_dump())


def to_record(snapshot: Snapshot) -> TaskRecord:
    """Return the task in a snapshot.

    Raises:
        NotFound: there is none.
        Gone: it ended and was removed; only its tombstone is left.
    """
    if snapshot.data is None:
        raise NotFound("there is no such task", code="task_not_found", field="task_id")
    if stone := tombstone_in(snapshot):
        raise Gone(
            f"the task ended {stone.state} on {stone.ended_at:%Y-%m-%d}; its record was removed since", field="task_id"
        )
    _Versioned.model_validate(snapshot.data)  # soon says no, where a whole document of another version costs a lot
    return TaskRecord.model_validate(snapshot.data)


def to_rows(rows: Iterable[Row]) -> list[TaskRow]:
    """Return the tasks in rows of `ROW_FIELDS`; of a removed one nothing is left that a list could show."""
    return [TaskRow.model_validate(row.data) for row in rows if "state" in row.data]


def tombstone_in(snapshot: Snapshot) -> Tombstone | None:
    """Return what is left of a task that was removed, None of any other document."""
    found = (snapshot.data or {}).get(MEMBER)
    return None if found is None else Tombstone.model_validate(found)


async def transact(
    store: Store, paths: tuple[str, ...], body: Body, known: Sequence[Snapshot] = ()
) -> dict[str, Snapshot]:
    """Read `paths`, write what the pure `body` returns for some of them, and return the snapshots as they are then.

    `known` saves the first read where the caller holds all the documents already: if they are stale, the commit fails
    and they are read. Only for a `body` that certainly writes.

    Raises:
        StoreUnavailable: the store is down, or others kept winning; nothing was written.
        CommitUnknown: it may have been written, and cannot be seen.
        whatever `body` raises: nothing was written.
    """
    for tries in range(MAX_TRIES):
        found = known if known and tries == 0 else await store.read(*paths)
        snapshots = {s.path: s for s in found}
        wanted = body(snapshots)
        if not wanted:
            return snapshots
        writes = [Write(path, data, snapshots[path].version) for path, data in wanted.items()]
        try:
            versions = await store.commit(*writes)
        except Conflict:
            # Full jitter: two workers that collided once must not collide again.
            await asyncio.sleep(random.uniform(0, FIRST_PAUSE_S * 2**tries))  # noqa: S311
            continue
        except CommitUnknown:
            return snapshots | await _applied(store, wanted)
        now = snapshots[paths[0]].read_time
        for (path, data), version in zip(wanted.items(), versions, strict=True):
            snapshots[path] = Snapshot(path, data, version, now)
        return snapshots
    raise StoreUnavailable("the document is being changed by many others", code="contention")


async def _applied(store: Store, wanted: Mapping[str, Document]) -> dict[str, Snapshot]:
    """After a commit of unknown outcome: it happened exactly if every document is what we wanted to write.

    Documents carry a nonce or a history entry of this very change, so equality is proof.
    """
    for tries in range(MAX_LOOKS):
        try:
            found = {s.path: s for s in await store.read(*wanted)}
        except StoreUnavailable:  # what broke the commit, a connection mostly, often breaks the next call as well
            await asyncio.sleep(FIRST_PAUSE_S * 2**tries)
            continue
        if all(found[path].data == data for path, data in wanted.items()):
            return found
        break
    raise CommitUnknown("the commit failed and is not visible")


async def change(
    store: Store,
    task_id: str,
    arrow: Callable[..., TaskRecord | tuple[TaskRecord, Mapping[str, Document]]],
    *beside: str,
    known: Changed | None = None,
    elapsed_s: float = 0.0,
) -> Changed:
    """Apply one arrow of the lifecycle to a task, atomically: `arrow(record, now, *snapshots)` returns the new record.

    The snapshots are of the paths `beside`, read together with the task; with the record an arrow may return what is to
    be written there in the same commit. `known` is the caller's own latest change,
    `elapsed_s` seconds ago: it saves the read where nobody wrote since, as for `transact`.

    Raises:
        NotFound: there is no such task.
        StoreUnavailable, CommitUnknown: see `transact`.
        whatever `arrow` raises: nothing was written.
    """
    path = task_path(task_id)
    held = _later(known.snapshot, elapsed_s) if known else None
    seen: list[TaskRecord] = []

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        record = known.after if known and snapshots[path] is held else to_record(snapshots[path])
        moved = arrow(record, snapshots[path].read_time, *(snapshots[p] for p in beside))
        after, others = moved if isinstance(moved, tuple) else (moved, {})
        seen[:] = [record, after]
        return {} if after is record else {path: to_document(after), **others}

    snapshots = await transact(store, (path, *beside), body, [held] if held else ())
    return Changed(seen[0], seen[1], snapshots[path])


def _later(snapshot: Snapshot, elapsed_s: float) -> Snapshot:
    return snapshot._replace(read_time=snapshot.read_time + timedelta(seconds=elapsed_s))
