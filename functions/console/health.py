"""How the last day went, counted by the store instead of read: throughput, errors and waiting, by intent.

Only latency needs documents: those of the newest tasks that succeeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from functions.console import search
from functions.console.dossier import Dossier
from functions.console.search import Search
from shared.intent.registry import Registry
from shared.records.documents import to_record
from shared.records.ignored import Day, last_days
from shared.wiring.ports import Filter, Store

HOURS = 24
SAMPLE = 100
UP_TO = 10_000
BAD = ("FAILED", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class IntentHealth:
    """Tasks of one intent in the last day: all, and those that ended badly."""

    name: str
    tasks: int
    bad: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """Events of one kind that asked nothing of anybody, for one reason: today, yesterday, in the last seven days."""

    source: str
    kind: str
    reason: str
    today: int
    yesterday: int
    week: int


@dataclass(frozen=True, slots=True)
class Health:
    """The last day. `hourly`: tasks that came in, oldest hour first. Latencies in seconds, event to end, sorted.

    `ignored`: the most frequent of the last seven days first.
    """

    hourly: Sequence[int]
    intents: Sequence[IntentHealth]
    latencies_s: Sequence[float]
    oldest_waiting: datetime | None
    ignored: Sequence[Ignored]

    def latency_s(self, share: float) -> float | None:
        """Return the latency that this share of the sample does not exceed."""
        known = self.latencies_s
        return known[min(len(known) - 1, int(share * len(known)))] if known else None


async def health(store: Store, registry: Registry, now: datetime) -> Health:
    """Ask the store.

    Raises:
        StoreUnavailable: nothing is known.
    """
    hours = [now - timedelta(hours=n) for n in range(HOURS, 0, -1)]
    since, intents, oldest, sample, days = await asyncio.gather(
        asyncio.gather(*(_created(store, at) for at in hours)),
        asyncio.gather(*(_intent(store, name, hours[0]) for name in registry)),
        search.tasks(store, Search(state="AWAITING_APPROVAL"), limit=1, oldest_first=True),
        search.tasks(store, Search(state="SUCCEEDED", since=hours[0]), limit=SAMPLE),
        last_days(store, now),
    )
    took = (Dossier(to_record(s)).took for s in sample)
    return Health(
        hourly=[earlier - later for earlier, later in pairwise([*since, 0])],
        intents=intents,
        latencies_s=sorted(t.total_seconds() for t in took if t is not None),
        oldest_waiting=to_record(oldest[0]).created_at if oldest else None,
        ignored=_ignored(days),
    )


def _ignored(days: Sequence[Day]) -> list[Ignored]:
    counts = [{(c.source, c.kind, c.reason): c.count for c in day.counts} for day in days]
    found = []
    for key in {key for day in counts for key in day}:
        today, yesterday, *before = (day.get(key, 0) for day in counts)
        found.append(Ignored(*key, today, yesterday, today + yesterday + sum(before)))
    return sorted(found, key=lambda i: (-i.week, i.source, i.kind, i.reason))


async def _created(store: Store, since: datetime, *more: Filter) -> int:
    return await store.count("tasks", where=[*more, Filter("created_at", ">=", since)], up_to=UP_TO)


async def _intent(store: Store, name: str, since: datetime) -> IntentHealth:
    mine = Filter("intent", "==", name)
    total, *bad = await asyncio.gather(
        _created(store, since, mine), *(_created(store, since, mine, Filter("state", "==", s)) for s in BAD)
    )
    return IntentHealth(name, total, sum(bad))
