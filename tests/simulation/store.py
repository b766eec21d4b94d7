"""Documents with compare-and-set in memory, on the simulation's clock, with Firestore's ways of failing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import CommitUnknown, Conflict, StoreUnavailable, SwitchyardError
from shared.wiring.ports import ABSENT, Document, Filter, Snapshot, Write
from tests.simulation.loop import ACTOR
from tests.simulation.trouble import Calm

BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
INT64 = 2**63
NOTHING: Document = {}
NOWHERE: tuple[Document | None, str] = (None, ABSENT)

Committed = Callable[[str, Document | None, Document, str], None]


class SimulatedStore:
    """A `Store`. `committed(path, before, after, version)` is called in the moment of each write."""

    def __init__(self, trouble: Calm, committed: Committed = lambda *_: None) -> None:
        self._trouble = trouble
        self._committed = committed
        self._documents: dict[str, tuple[Document, str]] = {}
        self._collections: dict[str, dict[str, None]] = defaultdict(dict)  # their documents' paths, oldest first
        self._writes = 0
        self._clock = (0.0, BEGINNING)  # seconds of the loop, and what that is

    @property
    def now(self) -> datetime:
        """The server's clock."""
        seconds = asyncio.get_running_loop().time()
        if seconds != self._clock[0]:
            self._clock = (seconds, BEGINNING + timedelta(seconds=seconds))
        return self._clock[1]

    async def read(self, *paths: str) -> list[Snapshot]:
        if self._trouble.read_fails():
            await self._trouble.hop()
            raise StoreUnavailable("the store is down")
        now = self.now
        found = [self.look(path, now) for path in paths]
        if len(paths) > 1 and self._trouble.tears():
            await self._trouble.hop()
            now = self.now
            found = [found[0]._replace(read_time=now), *(self.look(path, now) for path in paths[1:])]
        if actor := ACTOR.get(None):
            actor.saw.update(zip(paths, found, strict=True))
        await self._trouble.hop()
        return found

    async def commit(self, *writes: Write) -> list[str]:
        copies = [_checked(w.data, self._documents.get(w.path, NOWHERE)[0] or NOTHING) for w in writes]
        await self._trouble.hop()
        fails = self._trouble.commit_fails()
        if fails in ("", "kept"):
            for w in writes:
                if w.expected is not None and w.expected != self._documents.get(w.path, NOWHERE)[1]:
                    # Whoever gets no answer does not learn of it.
                    raise CommitUnknown("no answer") if fails else Conflict(f"{w.path} was changed by another writer")
            versions = [self.write(w.path, data) for w, data in zip(writes, copies, strict=True)]
        await self._trouble.hop()
        if fails == "unavailable":
            raise StoreUnavailable("the store is down")
        if fails:
            raise CommitUnknown("no answer")
        return versions

    async def query(
        self,
        collection: str,
        *,
        where: Sequence[Filter] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: Snapshot | None = None,
    ) -> list[Snapshot]:
        if self._trouble.read_fails():
            await self._trouble.hop()
            raise StoreUnavailable("the store is down")
        now = self.now
        found = [
            Snapshot(path, data, self._documents[path][1], now)
            for path, data in self.all(collection)
            if _matches(data, where) and (order_by is None or order_by in data)
        ]
        await self._trouble.hop()

        def key(s: Snapshot) -> tuple[Any, str]:
            assert s.data is not None
            return (s.data[order_by] if order_by else 0, s.path)

        found.sort(key=key, reverse=descending)
        if after is not None:
            found = [s for s in found if (key(s) < key(after) if descending else key(s) > key(after))]
        return found[:limit]

    async def count(self, collection: str, *, where: Sequence[Filter] = ()) -> int:
        return len(await self.query(collection, where=where, limit=len(self._documents)))

    async def close(self) -> None:
        return None

    def look(self, path: str, now: datetime = BEGINNING) -> Snapshot:
        """Return a document as it is, without travelling."""
        data, version = self._documents.get(path, NOWHERE)
        return Snapshot(path, data, version, now)

    def write(self, path: str, data: Document) -> str:
        """Replace a document, whatever is there, and return its version: a new one if that changes anything."""
        before, version = self._documents.get(path, NOWHERE)
        if before is None:
            self._collections[path.rpartition("/")[0]][path] = None
        if before != data:
            self._writes += 1
            # Firestore's update times have nanoseconds and are never the same twice for one document.
            version = f"{self.now.isoformat(timespec='microseconds')[:26]}{self._writes % 1000:03d}Z"
            self._documents[path] = (data, version)
        self._committed(path, before, data, version)
        return version

    def delete(self, path: str) -> None:
        """Remove a document, as a person in the database's console can."""
        if self._documents.pop(path, None):
            del self._collections[path.rpartition("/")[0]][path]

    def all(self, collection: str) -> list[tuple[str, Document]]:
        """Return path and data of a collection's documents, in the order of their creation."""
        return [(path, self._documents[path][0]) for path in self._collections[collection]]


def _matches(data: Document, where: Sequence[Filter]) -> bool:
    for f in where:
        if f.field not in data:
            return False
        value = data[f.field]
        if f.op == "==":
            if value != f.value:
                return False
        elif value is None or not (value <= f.value if f.op == "<=" else value >= f.value):
            return False
    return True


def _checked(data: Document, before: Document) -> Document:
    """Return a copy of a document as Firestore would give it back; what is as `before` was checked then.

    Raises:
        SwitchyardError: `invalid_document`.
    """
    copy = {}
    for key, value in data.items():
        kind = type(value)
        if kind is str:
            if not value.isascii():
                _must_be_text(value)
        elif kind is dict:
            old = before.get(key)
            value = old if value == old else _checked(value, old if type(old) is dict else NOTHING)
        elif kind is list:
            old = before.get(key)
            value = _checked_items(value, old if type(old) is list else [])
        elif kind is datetime:
            value = value if value.tzinfo is UTC else value.astimezone(UTC)
        elif kind is int and not -INT64 <= value < INT64:
            raise SwitchyardError("an integer has over 64 bits", code="invalid_document")
        copy[key] = value
    return copy


def _checked_items(items: list[Any], before: list[Any]) -> list[Any]:
    """Return a copy of a list; most only grow."""
    same = len(before)
    if items[:same] != before:
        same = 0
    return before[:same] + [_checked({"": item}, NOTHING)[""] for item in items[same:]]


def _must_be_text(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SwitchyardError("a string is no Unicode text", code="invalid_document") from None
