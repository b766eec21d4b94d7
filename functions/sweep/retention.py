"""The end of retention: an ended task past its `expire_at` becomes a tombstone. Open work is never removed.

Each is a compare-and-set, so two sweeps at once, or one that dies midway, do no harm.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from functools import partial

from functions.sweep.pages import pages
from functions.sweep.unreadable import put_back
from shared.errors import Refused, Retry, Skip
from shared.logs import log
from shared.records.documents import change
from shared.records.tombstones import entomb
from shared.task.schemas import TERMINAL
from shared.task.upkeep import kept_open
from shared.wiring.composition import Ports
from shared.wiring.ports import Filter, Row

PAGE = 200
MAX_PAGES = 5  # of one run, which has a minute; a million a day
IN_FLIGHT = 20


async def entomb_expired(ports: Ports, now: datetime) -> Counter[str]:
    """Remove what is past its retention at `now`, the store's time; return how many, by a word for what was done.

    Raises:
        StoreUnavailable: the next sweep goes on.
    """
    done: Counter[str] = Counter()
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(row: Row) -> None:
        async with slots:
            what = await _one(ports, row)
            done[what] += 1
            if what in ("unreadable", "audit_open"):
                await put_back(ports, row, "expire_at", now)

    where, members = [Filter("expire_at", "<=", now)], ("state", "expire_at")
    due = partial(ports.store.query_rows, "tasks", members, where=where, order_by="expire_at")
    async for page in pages(due, PAGE, MAX_PAGES):
        if ports.clock_trouble():
            break
        await asyncio.gather(*(one(row) for row in page))
    return done


async def _one(ports: Ports, row: Row) -> str:
    try:
        if row.data["state"] not in TERMINAL:  # earlier versions let open tasks expire
            await change(ports.store, row.id, lambda record, _: kept_open(record))
            return "kept_open"
        await entomb(ports, row.id, expired_only=True)
    except (Skip, Refused) as error:  # redriven since, or its result is still owed, or nobody has looked at it
        return error.code if error.code == "audit_open" else "skipped"
    except Retry:
        return "failed"
    except Exception as error:  # a document of a later version, or one that somebody edited by hand
        log(
            "ERROR",
            "a document cannot be removed",
            task_id=row.id,
            outcome="unreadable",
            error_type=type(error).__name__,
        )
        return "unreadable"
    return "entombed"
