"""How many events asked nothing of anybody: counted in memory, and handed over now and then. Pure.

Most real events ask nothing, so a write for each would cost more than it tells. What an instance holds when it ends is
lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

EVERY = timedelta(seconds=15)
MAX_KEYS = 100
OTHER = "other"


class Kind(NamedTuple):
    """What is counted as one: the day in UTC (ISO 8601), who sent it, its own name of the event, and our reason."""

    day: str
    source: str
    kind: str
    reason: str


class Tally:
    """The counts of one instance since they were last handed over."""

    def __init__(self, every: timedelta = EVERY) -> None:
        self._every = every
        self._counts: Counter[Kind] = Counter()
        self._told_at: datetime | None = None

    def add(self, source: str, kind: str, reason: str, now: datetime, count: int = 1) -> None:
        """Count events; of more kinds than can be held, as others of their source and reason."""
        fold(self._counts, Kind(now.date().isoformat(), source, kind, reason), count, MAX_KEYS)

    def due(self, now: datetime) -> Mapping[Kind, int]:
        """Return what is to be handed over now, the first at once, and forget it; mostly nothing."""
        if self._told_at is not None and now - self._told_at < self._every:
            return {}
        self._told_at, counts = now, self._counts
        self._counts = Counter()
        return counts

    def put_back(self, counts: Mapping[Kind, int]) -> None:
        """Hold what could not be handed over until the next time."""
        for kind, count in counts.items():
            fold(self._counts, kind, count, MAX_KEYS)


def fold(counts: Counter[Kind], kind: Kind, count: int, most: int) -> None:
    """Add to `counts`, which holds at most `most` kinds of events beside the others of each source and reason."""
    if kind not in counts and sum(known.kind != OTHER for known in counts) >= most:
        kind = kind._replace(kind=OTHER)
    counts[kind] += count
