"""Decisions of the last day in; a breaker for each intent of which too many were wrong, open, out.

Counted by the store, and in two counts a minute while all intents together have too few errors for one of them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from shared.records.breakers import breakers, open_breaker
from shared.task.breaker import FEWEST_BAD, WINDOW, counts_since, is_over_budget
from shared.wiring.composition import Ports
from shared.wiring.ports import Filter, Store

MOST_BAD = 1000  # that are counted: one read, as Firestore bills it


@dataclass(frozen=True, slots=True)
class Tally:
    """Decisions of one intent: how many were wrong, of how many that ran without a person or that people judged."""

    bad: int
    seen: int


async def trip_breakers(ports: Ports, now: datetime) -> int:
    """Open the breaker of each intent that is over its error budget; return how many were over it.

    Raises:
        StoreUnavailable: the next sweep looks again.
    """
    budget, store = ports.settings.error_budget, ports.store
    if not budget or await _errors_of_all(store, now - WINDOW) < FEWEST_BAD:
        return 0
    known = await breakers(store)
    over = 0
    for intent in ports.registry:
        breaker = known.get(intent)
        if breaker is not None and breaker.open:
            continue
        found = await tally(store, intent, counts_since(breaker, now), budget)
        if is_over_budget(found.bad, found.seen, budget):
            over += 1
            why = f"{found.bad} of {found.seen} decisions in 24 hours were wrong"
            await open_breaker(
                ports, intent, cause="error_budget", why=why, bad=found.bad, seen=found.seen, function="sweep"
            )
    return over


async def tally(store: Store, intent: str, since: datetime, budget: float) -> Tally:
    """Count what became of an intent's decisions since then; what was right only where there are enough errors, and no
    further than it takes to be within the budget.

    What people said of a suggestion is in its label, and what ran without a person has no approval. An audited task is
    both, and counts once.
    """
    misjudged, failed = await asyncio.gather(
        _labels(store, since, intent, Filter("right", "==", False), MOST_BAD),
        _ran_alone(store, since, intent, "FAILED", MOST_BAD),
    )
    bad = misjudged + failed
    if bad < FEWEST_BAD:
        return Tally(bad, bad)
    up_to = int(bad / budget) + 1
    right, audited, succeeded = await asyncio.gather(
        _labels(store, since, intent, Filter("right", "==", True), up_to),
        _labels(store, since, intent, Filter("drawn", "==", "audit"), up_to),
        _ran_alone(store, since, intent, "SUCCEEDED", 2 * up_to),
    )
    return Tally(bad, max(bad, bad + right + succeeded - audited))


async def _errors_of_all(store: Store, since: datetime) -> int:
    wrong = [Filter("right", "==", False), Filter("at", ">=", since)]
    failed = [Filter("state", "==", "FAILED"), Filter("updated_at", ">=", since)]
    counts = (("labels", wrong), ("tasks", failed))
    return sum(await asyncio.gather(*(store.count(c, where=where, up_to=FEWEST_BAD) for c, where in counts)))


async def _labels(store: Store, since: datetime, intent: str, which: Filter, up_to: int) -> int:
    where = [Filter("said", "==", intent), which, Filter("at", ">=", since)]
    return await store.count("labels", where=where, up_to=up_to)


async def _ran_alone(store: Store, since: datetime, intent: str, state: str, up_to: int) -> int:
    """Count what ended without anybody's approval; an ended task was updated last when it ended."""
    equal = {"intent": intent, "state": state, "approval": None}
    where = [*(Filter(name, "==", value) for name, value in equal.items()), Filter("updated_at", ">=", since)]
    return await store.count("tasks", where=where, up_to=up_to)
