"""An ended task in; its tombstone in the record's place, and an approval document without content, out: one commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.errors import Skip
from shared.records.audits import audit_path, is_open, removed
from shared.records.documents import approval_path, task_path, to_record, tombstone_in, transact
from shared.task import tombstone
from shared.task.tombstone import Tombstone, tombstone_of
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot


async def entomb(ports: Ports, task_id: str, *, expired_only: bool = False) -> Tombstone:
    """Replace an ended task's record by its tombstone and empty its approval document, whose rest the store deletes.

    A task that is a tombstone already is left as it is. `expired_only`: what is not past its `expire_at` is left, too,
    and what somebody still has to look at.

    Raises:
        NotFound: there is no such task.
        Refused: `not_ended`, or `result_owed`.
        Skip: `not_expired`, `clock_stepped`: nobody can tell, or `audit_open`: somebody still has to look at it.
        StoreUnavailable, CommitUnknown: see `transact`.
    """
    path, pause, audit = task_path(task_id), approval_path(task_id), audit_path(task_id)
    made: Tombstone | None = None

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal made
        if made := tombstone_in(snapshots[path]):
            return {}
        record, now = to_record(snapshots[path]), snapshots[path].read_time
        if expired_only:
            ports.must_be_plausible()
            if record.expire_at is None or now < record.expire_at:
                raise Skip(code="not_expired")
            if is_open(snapshots[audit]):
                raise Skip(code="audit_open")
        made = tombstone_of(record)
        writes = {path: tombstone.to_document(made)}
        if snapshots[pause].data is not None:
            writes[pause] = _emptied(made, now)
        if (closed := removed(snapshots[audit])) is not None:
            writes[audit] = closed
        return writes

    await transact(ports.store, (path, pause, audit), body)
    assert made is not None, "body has made or found it"
    return made


def _emptied(made: Tombstone, now: datetime) -> Document:
    """Return an approval that nobody can decide: no function may delete a document, but its TTL has passed."""
    return {
        "task_id": made.task_id,
        "status": "removed",
        "outcome": made.state,
        "expire_at": now - timedelta(seconds=1),
    }
