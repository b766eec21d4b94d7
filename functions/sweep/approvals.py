"""Approvals whose event was lost: decisions are found, strays answered, a deleted one is made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

from shared.errors import Conflict, NotFound
from shared.records.approvals import refused
from shared.records.creation import approval_of
from shared.records.documents import approval_path, task_path, to_document, to_record, transact
from shared.records.edits import DECISIONS, UNATTRIBUTED
from shared.records.outbox import ask_for_preview
from shared.task.moves import Person
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Filter, Snapshot, Write

# An event normally arrives within seconds and knows its author; only an older edit is consumed without one.
EVENT_GRACE = timedelta(minutes=2)


async def lost_decisions(ports: Ports, now: datetime, page: int, max_pages: int) -> AsyncIterator[Snapshot]:
    """Yield the approvals that people decided and whose event never came, by path, a page at a time.

    Raises:
        StoreUnavailable: the next sweep finds the rest.
    """
    for status in DECISIONS:
        after: Snapshot | None = None
        where = [Filter("outcome", "==", None), Filter("status", "==", status)]
        for _ in range(max_pages):
            found = await ports.store.query("approvals", where=where, limit=page, after=after)
            for approval in found:
                # Versions are order more than time: where the clock was once ahead, they are ahead still.
                if abs(now - _written_at(approval)) >= EVENT_GRACE:
                    yield approval
            if len(found) < page:
                break
            after = found[-1]


async def answer_stray(ports: Ports, approval: Snapshot, why: NotFound) -> str:
    """Say in an approval that belongs to no task what is wrong with it; with an outcome it is looked for no more.

    Nothing else in it changes: somebody made it by hand.
    """
    expire_at = approval.read_time + timedelta(days=ports.settings.retention_days)
    said = {"outcome": why.code, "error": f"{why.code}: {why.message}", "expire_at": expire_at}
    try:
        await ports.store.commit(Write(approval.path, said, approval.version, others_stay=True))
    except Conflict:
        return "skipped"  # written since, which has its own event
    return "stray"


async def restore(ports: Ports, task_id: str) -> bool:
    """Make the approval of a waiting task anew if it is not there, and return whether that was so.

    Whoever deletes it is answered by `resume`, which knows who it was. This is for a deletion whose event was lost, so
    it is asked where the document is missed, once per task: when people are to be reminded of it. The console shows and
    decides tasks that wait without it.

    Raises:
        StoreUnavailable: the next sweep tries again.
    """
    path, pause = task_path(task_id), approval_path(task_id)
    waiting: TaskRecord | None = None

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal waiting
        record, waiting = to_record(snapshots[path]), None
        if snapshots[pause].data is not None or record.state != "AWAITING_APPROVAL":
            return {}
        waiting = record
        audited = refused(None, Person(UNATTRIBUTED, "firestore"), "deleted", snapshots[pause].read_time)
        # The task is written as it is: the commit proves that it still waits.
        return {path: to_document(record), pause: to_document(approval_of(record).model_copy(update=audited))}

    await transact(ports.store, (path, pause), body)
    if waiting is None:
        return False
    await ask_for_preview(ports, waiting)
    return True


def _written_at(snapshot: Snapshot) -> datetime:
    return datetime.fromisoformat(snapshot.version[:26].rstrip("Z") + "+00:00")
