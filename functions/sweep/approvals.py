"""Approvals whose event was lost: decisions are found, strays answered, a deleted one is made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial

from functions.sweep.pages import pages
from shared.errors import Conflict, NotFound
from shared.records.decisions import refuse
from shared.records.documents import approval_path
from shared.records.edits import DECISIONS, NOBODY
from shared.wiring.composition import Ports
from shared.wiring.ports import Filter, Snapshot, Write

# An event normally arrives within seconds and knows its author.
EVENT_GRACE = timedelta(minutes=2)


async def lost_decisions(ports: Ports, now: datetime, size: int, most: int) -> AsyncIterator[Snapshot]:
    """Yield the approvals that people decided and whose event never came, by path, a page at a time.

    Raises:
        StoreUnavailable: the next sweep finds the rest.
    """
    for status in DECISIONS:
        where = [Filter("outcome", "==", None), Filter("status", "==", status)]
        async for page in pages(partial(ports.store.query, "approvals", where=where), size, most):
            for approval in page:
                # Versions are order more than time: where the clock was once ahead, they are ahead still.
                if abs(now - _written_at(approval)) >= EVENT_GRACE:
                    yield approval


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
    (approval,) = await ports.store.read(approval_path(task_id))
    if approval.data is not None:
        return False
    await refuse(ports, task_id, NOBODY, "deleted", "the document was deleted while it was asked about")
    return True


def _written_at(snapshot: Snapshot) -> datetime:
    return datetime.fromisoformat(snapshot.version[:26].rstrip("Z") + "+00:00")
