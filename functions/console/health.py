"""How the last day went, counted by the store instead of read: throughput, errors and waiting, by intent.

Only latency needs documents: two members of the newest tasks that succeeded. What a look costs has a bound, whatever
there is: every count stops, and one look serves everybody for some seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from weakref import WeakKeyDictionary

from functions.console import search
from functions.console.search import Search
from shared.intent.registry import Registry
from shared.records.ignored import Day, last_days
from shared.records.proof import Summary, summary
from shared.wiring.ports import Filter, Store

HOURS = 24
SAMPLE = 100
UP_TO = 10_000  # of a count: ten reads, as Firestore bills it
LOOK_S = 10.0
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

    `ignored`: the most frequent of the last seven days first. Numbers of tasks of an hour, or of an intent, stop at
    `UP_TO`. `labels`: all decisions that there ever were. `at`: when somebody looked.
    """

    at: datetime
    hourly: Sequence[int]
    intents: Sequence[IntentHealth]
    latencies_s: Sequence[float]
    oldest_waiting: datetime | None
    ignored: Sequence[Ignored]
    labels: Summary

    def latency_s(self, share: float) -> float | None:
        """Return the latency that this share of the sample does not exceed."""
        known = self.latencies_s
        return known[min(len(known) - 1, int(share * len(known)))] if known else None


_looks: WeakKeyDictionary[Store, asyncio.Task[Health]] = WeakKeyDictionary()


async def latest(store: Store, registry: Registry, now: datetime) -> Health:
    """Return the look of the last seconds, of whoever it was, or look.

    Raises:
        StoreUnavailable: nothing is known.
    """
    looking = _looks.get(store)
    if looking is None or (looking.done() and not _holds(looking, now)):
        looking = _looks[store] = asyncio.create_task(health(store, registry, now))
    return await asyncio.shield(looking)  # whoever goes away leaves the look to the others


def _holds(looked: asyncio.Task[Health], now: datetime) -> bool:
    if looked.cancelled() or looked.exception() is not None:
        return False
    return timedelta(0) <= now - looked.result().at < timedelta(seconds=LOOK_S)


async def health(store: Store, registry: Registry, now: datetime) -> Health:
    """Ask the store.

    Raises:
        StoreUnavailable: nothing is known.
    """
    hours = [now - timedelta(hours=n) for n in range(HOURS, -1, -1)]
    times = ("created_at", "updated_at")
    hourly, intents, oldest, sample, days, labels = await asyncio.gather(
        asyncio.gather(*(_within(store, since, until) for since, until in pairwise(hours))),
        asyncio.gather(*(_intent(store, name, hours[0]) for name in registry)),
        search.tasks(store, Search(state="AWAITING_APPROVAL"), limit=1, oldest_first=True, fields=times),
        search.tasks(store, Search(state="SUCCEEDED", since=hours[0]), limit=SAMPLE, fields=times),
        last_days(store, now),
        summary(store, registry),
    )
    return Health(
        at=now,
        hourly=hourly,
        intents=intents,
        # An ended task was updated last when it ended.
        latencies_s=sorted((r.data["updated_at"] - r.data["created_at"]).total_seconds() for r in sample),
        oldest_waiting=oldest[0].data["created_at"] if oldest else None,
        ignored=_ignored(days),
        labels=labels,
    )


def _ignored(days: Sequence[Day]) -> list[Ignored]:
    counts = [{(c.source, c.kind, c.reason): c.count for c in day.counts} for day in days]
    found = []
    for key in {key for day in counts for key in day}:
        today, yesterday, *before = (day.get(key, 0) for day in counts)
        found.append(Ignored(*key, today, yesterday, today + yesterday + sum(before)))
    return sorted(found, key=lambda i: (-i.week, i.source, i.kind, i.reason))


async def _within(store: Store, since: datetime, until: datetime) -> int:
    hour = [Filter("created_at", ">=", since), Filter("created_at", "<=", until - timedelta(microseconds=1))]
    return await store.count("tasks", where=hour, up_to=UP_TO)


async def _created(store: Store, since: datetime, *more: Filter) -> int:
    return await store.count("tasks", where=[*more, Filter("created_at", ">=", since)], up_to=UP_TO)


async def _intent(store: Store, name: str, since: datetime) -> IntentHealth:
    mine = Filter("intent", "==", name)
    total, *bad = await asyncio.gather(
        _created(store, since, mine), *(_created(store, since, mine, Filter("state", "==", s)) for s in BAD)
    )
    return IntentHealth(name, total, sum(bad))
