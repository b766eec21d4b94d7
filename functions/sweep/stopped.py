"""The store in, after its clock was put back; tasks that still wait for times which a wrong clock set, out."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from functions.sweep.pages import pages
from shared.task.moves import LONGEST_WAIT
from shared.wiring.ports import Filter, Snapshot, Store

PAGE = 200
MAX_PAGES = 50


async def left_waiting(store: Store, now: datetime) -> list[Snapshot]:
    """Return what the sweeper would look at later than it ever lets a task wait, unless people are waited for.

    Raises:
        StoreUnavailable: the next sweep asks again.
    """
    where, members = [Filter("next_check_at", ">=", now + LONGEST_WAIT)], ("state", "next_check_at")
    far_ahead = partial(store.query_rows, "tasks", members, where=where, order_by="next_check_at")
    found: list[Snapshot] = []
    async for page in pages(far_ahead, PAGE, MAX_PAGES):
        # Most of them wait for people, and only the others are read whole.
        if paths := [row.path for row in page if row.data.get("state") != "AWAITING_APPROVAL"]:
            found += [s for s in await store.read(*paths) if s.data is not None]
    return found
