"""What a channel has been told, in and out of `notifications/{channel}`: nothing is told twice, nothing is left out.

A document may become visible a little after the time it carries, so each look goes back a while, and the keys of what
was told in that while are remembered. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from functions.notify.news import Found, Item, Kind
from shared.task.schemas import Model

SLACK = timedelta(minutes=10)
REMIND_EVERY = timedelta(days=1)
LONGEST_PAUSE = timedelta(days=1)  # that a chat may ask for


class Told(Model):
    """Keys told by one run, separated by spaces: one text, because a list of thousands would be indexed."""

    at: datetime
    keys: str


class Memory(Model):
    """The document. `covered`: what of a kind is not after this was told, if only as "500+"."""

    last_run: datetime
    told: list[Told] = Field(default=[])
    covered: dict[str, datetime] = Field(default={})
    not_before: datetime | None = None
    reminded_at: datetime | None = None

    def as_of(self, now: datetime) -> Memory:
        """Return the memory without what a clock that was ahead has put into it."""
        known = {
            "last_run": min(self.last_run, now),
            "covered": {kind: at for kind, at in self.covered.items() if at <= now},
            "reminded_at": None if self.reminded_at and self.reminded_at > now else self.reminded_at,
            "not_before": None if self.not_before and self.not_before > now + LONGEST_PAUSE else self.not_before,
        }
        return self.model_copy(update=known)

    def reminds(self, now: datetime) -> bool:
        """Whether people may be reminded again of what still wants somebody."""
        return self.reminded_at is None or now - self.reminded_at >= REMIND_EVERY

    @property
    def since(self) -> datetime:
        """From when on things may be news."""
        return self.last_run - SLACK


@dataclass(frozen=True, slots=True)
class Digest:
    """What is new of a kind, oldest first; `more`: and what did not fit."""

    kind: Kind
    items: list[Item]
    more: bool = False


def digest(memory: Memory, found: Found, now: datetime) -> Digest:
    """Return what the channel has not heard of; what is yet to come was told when the clock was there already."""
    known = {key for told in memory.told for key in told.keys.split()}
    start, covered = memory.since, memory.covered.get(found.kind)
    new = [
        item
        for item in found.items
        if start <= item.at <= now + SLACK and (covered is None or item.at > covered) and item.key not in known
    ]
    return Digest(found.kind, sorted(new, key=lambda item: (item.at, item.document)), more=found.edge in new)


def reminder(found: Found) -> Digest:
    """Return all that was found, told before or not."""
    return Digest(found.kind, sorted(found.items, key=lambda item: (item.at, item.document)), more=bool(found.edge))


def told(memory: Memory, digests: list[Digest], now: datetime, *, reminded: bool = False) -> Memory:
    """Return the memory after these were told at `now`; `reminded`: together with what still wants somebody."""
    recent = [t for t in memory.told if t.at >= now - SLACK]
    keys = " ".join(item.key for d in digests if not d.more for item in d.items)
    covered = memory.covered | {d.kind: d.items[-1].at for d in digests if d.more}
    return Memory(
        last_run=now,
        told=[*recent, Told(at=now, keys=keys)] if keys else recent,
        covered={kind: at for kind, at in covered.items() if at >= now - SLACK},
        reminded_at=now if reminded else memory.reminded_at,
    )
