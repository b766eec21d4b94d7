"""How many events asked nothing of anybody, by day, source, kind and reason: `ignored/{day}`, kept for a month.

The public function has no store: it hands its counts over as a message, now and then. They tell what a source sends,
and settle nothing: an instance that ends takes along what it had not handed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from shared.event.tally import Kind, fold
from shared.records.documents import transact
from shared.task.schemas import Model, SourceName
from shared.wiring.ports import Document, Snapshot, Store

MAX_KINDS = 200  # of a day, beside the others of each source and reason
MAX_MESSAGES = 50
KEPT = timedelta(days=30)

Date = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", description="In UTC, ISO 8601")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.:-]{0,59}$")]


class Count(Model):
    """So many events of one kind on one day."""

    source: SourceName
    kind: Word = Field(description="The sender's own name of the event; 'other' where there are too many")
    reason: Word = Field(description="Why nobody is asked about it")
    count: int = Field(ge=1)


class Day(Model):
    """The document. `messages`: the last that were added, so that a redelivery is not counted again."""

    day: Date
    counts: list[Count] = Field(default=[])
    messages: list[str] = Field(default=[])
    expire_at: datetime


class Told(Model):
    """A message that hands counts over."""

    days: dict[Date, list[Count]]


def told(counts: Mapping[Kind, int]) -> Told:
    """Return counts as a message tells them."""
    days: dict[str, list[Count]] = {}
    for kind, count in counts.items():
        days.setdefault(kind.day, []).append(Count(source=kind.source, kind=kind.kind, reason=kind.reason, count=count))
    return Told(days=days)


async def add(store: Store, told: Told, message_id: str) -> None:
    """Add the counts of one message, once.

    Raises:
        StoreUnavailable: nothing was added; do not acknowledge.
    """

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        writes: dict[str, Document] = {}
        for day, more in told.days.items():
            snapshot = snapshots[_path(day)]
            known = _day(snapshot, day)
            if message_id not in known.messages:
                after = {
                    "counts": _sum(day, [*known.counts, *more]),
                    "messages": [*known.messages, message_id][-MAX_MESSAGES:],
                    "expire_at": snapshot.read_time + KEPT,
                }
                writes[snapshot.path] = known.model_copy(update=after).model_dump()
        return writes

    if told.days:
        await transact(store, tuple(_path(day) for day in told.days), body)


async def last_days(store: Store, now: datetime, number: int = 7) -> list[Day]:
    """Return so many days, today first.

    Raises:
        StoreUnavailable: nothing is known.
    """
    days = [(now - timedelta(days=n)).date().isoformat() for n in range(number)]
    found = await store.read(*(_path(day) for day in days))
    return [_day(snapshot, day) for snapshot, day in zip(found, days, strict=True)]


def _path(day: str) -> str:
    return f"ignored/{day}"


def _day(snapshot: Snapshot, day: str) -> Day:
    return Day.model_validate(snapshot.data) if snapshot.data else Day(day=day, expire_at=snapshot.read_time + KEPT)


def _sum(day: str, counts: Sequence[Count]) -> list[Count]:
    totals: Counter[Kind] = Counter()
    for c in counts:
        fold(totals, Kind(day, c.source, c.kind, c.reason), c.count, MAX_KINDS)
    return [Count(source=k.source, kind=k.kind, reason=k.reason, count=n) for k, n in totals.items()]
