"""Documents with compare-and-set in memory. Its clock, its network and who hears of what happens are given to it.

The steps' tests and the simulation run on it; in both settings it passes the contract suite of the real stores.
"""

from __future__ import annotations

import math
import types
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.embedded.encoding import from_text, to_text
from shared.errors import CommitUnknown, Conflict, StoreUnavailable, SwitchyardError
from shared.wiring.ports import ABSENT, Document, Filter, Row, Snapshot, Write

BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
INT64 = 2**63
PLAIN = frozenset({bool, type(None)})
NOTHING: Document = {}
MISSING = object()
NOWHERE: tuple[Document | None, str] = (None, ABSENT)

Committed = Callable[[str, Document | None, Document, str], None]
Seen = Callable[[Sequence[str], list[Snapshot]], None]


class Unapplied(CommitUnknown):
    """A commit of unknown outcome that was not applied; a plain `CommitUnknown` was."""


@types.coroutine
def turn() -> Generator[None]:
    """Let others run: `asyncio.sleep(0)` with one frame less."""
    yield


class Network:
    """What lies between a store and whoever calls it: here nothing but a turn for others."""

    async def send(self) -> None:
        """Carry a commit to the store."""
        await turn()

    async def hop(self) -> None:
        """Carry an answer back."""
        await turn()

    def read_fails(self) -> bool:
        """Return whether the store cannot answer now."""
        return False

    def tears(self) -> bool:
        """Return whether somebody may write between the documents of one read."""
        return False

    def commit_fails(self) -> SwitchyardError | None:
        """Return what the commit that arrives now is answered. After a plain `CommitUnknown` it was applied."""
        return None


class MemoryStore:
    """A `Store`. Every call lets others run, as on a network, so that concurrent steps interleave.

    `committed(path, before, after, version)` is called in the moment of each write, `seen(paths, snapshots)` of each
    read. Readers get the very documents that are held: nobody may change them in place.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: BEGINNING,
        network: Network | None = None,
        *,
        committed: Committed = lambda *_: None,
        seen: Seen = lambda *_: None,
    ) -> None:
        self._clock = clock
        self._network = network or Network()
        self._committed = committed
        self._seen = seen
        self._documents: dict[str, tuple[Document, str]] = {}
        self._collections: dict[str, dict[str, None]] = defaultdict(dict)  # their documents' paths, oldest first
        self._writes = 0
        self._written_at: tuple[datetime | None, str] = (None, "")  # of the last write, and how its version begins
        self.commits = 0

    @property
    def now(self) -> datetime:
        """The server's clock."""
        return self._clock()

    async def read(self, *paths: str) -> list[Snapshot]:
        if self._network.read_fails():
            await self._network.hop()
            raise StoreUnavailable("the store is down")
        now = self._clock()
        found = [self.look(path, now) for path in paths]
        if len(paths) > 1 and self._network.tears():
            await self._network.hop()
            now = self._clock()
            found = [found[0]._replace(read_time=now), *(self.look(path, now) for path in paths[1:])]
        self._seen(paths, found)
        await self._network.hop()
        return found

    async def commit(self, *writes: Write) -> list[str]:
        copies = [checked(w.data, self._documents.get(w.path, NOWHERE)[0] or NOTHING) for w in writes]
        await self._network.send()
        error = self._network.commit_fails()
        versions = []
        if error is None or type(error) is CommitUnknown:
            for w in writes:
                if w.expected is not None and w.expected != self._documents.get(w.path, NOWHERE)[1]:
                    # Whoever gets no answer does not learn of it.
                    raise error or Conflict(f"{w.path} was changed by another writer")
            versions = [
                self.write(w.path, (self.look(w.path).data or NOTHING) | data if w.others_stay else data)
                for w, data in zip(writes, copies, strict=True)
            ]
            self.commits += 1
        await self._network.hop()
        if error is not None:
            raise error
        return versions

    async def query(
        self,
        collection: str,
        *,
        where: Sequence[Filter] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: Snapshot | Row | None = None,
    ) -> list[Snapshot]:
        if self._network.read_fails():
            await self._network.hop()
            raise StoreUnavailable("the store is down")
        now, documents, filters = self._clock(), self._documents, [(f.field, f.op, f.value) for f in where]
        found = []
        for path in self._collections[collection]:
            data, version = documents[path]
            if (order_by is None or order_by in data) and _matches(data, filters):
                found.append(Snapshot(path, data, version, now))
        await self._network.hop()

        def key(s: Snapshot | Row) -> tuple[bool, Any, str]:
            assert s.data is not None
            value = s.data[order_by] if order_by else 0
            return (value is not None, value, s.path)  # null is before every value

        found.sort(key=key, reverse=descending)
        if after is not None:
            found = [s for s in found if (key(s) < key(after) if descending else key(s) > key(after))]
        return found[:limit]

    async def read_rows(self, fields: Sequence[str], *paths: str) -> list[Row]:
        return _masked(await self.read(*paths), fields)

    async def query_rows(self, collection: str, fields: Sequence[str], **how: Any) -> list[Row]:
        return _masked(await self.query(collection, **how), fields)

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        return len(await self.query(collection, where=where, limit=up_to))

    async def close(self) -> None:
        return None

    # --- without travelling: what tests and the people in them do

    @property
    def writes(self) -> int:
        """How many writes have changed anything so far."""
        return self._writes

    @property
    def documents(self) -> Mapping[str, tuple[Document, str]]:
        """Data and version of every document by its path, as of now."""
        return dict(self._documents)

    def look(self, path: str, now: datetime = BEGINNING) -> Snapshot:
        """Return a document as it is."""
        data, version = self._documents.get(path, NOWHERE)
        return Snapshot(path, data, version, now)

    def items(self, collection: str) -> list[tuple[str, Document]]:
        """Return path and data of a collection's documents, in the order of their creation."""
        return [(path, self._documents[path][0]) for path in self._collections[collection]]

    def each(self, collection: str) -> Iterator[Document]:
        """Yield a collection's documents, in the order of their creation."""
        return (self._documents[path][0] for path in self._collections[collection])

    def all(self, collection: str) -> list[Document]:
        """Return the documents of a collection, by path."""
        return [self._documents[path][0] for path in sorted(self._collections[collection])]

    def write(self, path: str, data: Document) -> str:
        """Replace a document, whatever is there, and return its version: a new one if that changes anything."""
        before, version = self._documents.get(path, NOWHERE)
        if before is None:
            self._collections[path.rpartition("/")[0]][path] = None
        if before != data:
            self._writes += 1
            # Firestore's update times have nanoseconds and are never the same twice for one document.
            at = self._clock() if self._writes < 1000 else self._clock() + timedelta(microseconds=self._writes // 1000)
            if at is not self._written_at[0]:
                self._written_at = (at, at.isoformat(timespec="microseconds")[:26])
            version = f"{self._written_at[1]}{self._writes % 1000:03d}Z"
            self._documents[path] = (data, version)
        self._committed(path, before, data, version)
        return version

    def put(self, path: str, **fields: Any) -> Document:
        """Change fields of a document as somebody in the database's console would, and return it."""
        data = checked((self.look(path).data or NOTHING) | fields, NOTHING)
        self.write(path, data)
        return data

    def delete(self, path: str) -> None:
        """Remove a document, as somebody in the database's console can."""
        if self._documents.pop(path, None):
            del self._collections[path.rpartition("/")[0]][path]

    def load(self, documents: Mapping[str, tuple[Document, str]]) -> None:
        """Hold these documents, in these versions, as well; what is written from now on is newer."""
        self._documents.update(documents)
        for path in documents:
            self._collections[path.rpartition("/")[0]][path] = None
        self._writes += 100 * len(documents)


def _masked(snapshots: Sequence[Snapshot], fields: Sequence[str]) -> list[Row]:
    """Return the rows of documents: only what was asked for, so that nobody can lean on more."""
    wanted = set(fields)
    return [
        Row(s.path, {name: value for name, value in s.data.items() if name in wanted}, s.version, s.read_time)
        for s in snapshots
        if s.data is not None
    ]


def _matches(data: Document, where: Sequence[tuple[str, str, Any]]) -> bool:
    """Whether a document matches all filters, each as (field, operator, value)."""
    for field, op, wanted in where:
        value: Any = data.get(field, MISSING) if "." not in field else _inside(data, field)
        if value is MISSING:
            return False
        if op == "==":
            if value != wanted:
                return False
        elif op == "contains":
            if not isinstance(value, list) or wanted not in value:
                return False
        elif value is None or not (value <= wanted if op == "<=" else value >= wanted):
            return False
    return True


def _inside(data: Any, field: str) -> Any:
    for name in field.split("."):
        if not isinstance(data, dict) or name not in data:
            return MISSING
        data = data[name]
    return data


def checked(data: Document, before: Document) -> Document:
    """Return a copy of a document as Firestore would give it back; what is as `before` was checked then.

    Raises:
        SwitchyardError: `invalid_document`.
    """
    try:
        return _copied(data, before)
    except (RecursionError, TypeError):  # too deep; a key that is no string
        raise SwitchyardError("a value cannot be stored", code="invalid_document") from None


def _copied(data: Document, before: Document) -> Document:
    if not "".join(data).isascii():
        _must_be_text("".join(data))
    copy = {}
    for key, value in data.items():
        kind = type(value)
        if kind is str:
            if not value.isascii():
                _must_be_text(value)
        elif kind is dict:
            old = before.get(key)
            value = old if value == old else _copied(value, old if type(old) is dict else NOTHING)
        elif kind is list:
            old = before.get(key)
            value = _copied_items(value, old if type(old) is list else [])
        elif kind in PLAIN or (kind is datetime and value.tzinfo is UTC):
            pass
        elif (kind is not int or not -INT64 <= value < INT64) and (kind is not float or not math.isfinite(value)):
            value = from_text(to_text({key: value}))[key]  # which refuses it, or makes it plain
        copy[key] = value
    return copy


def _copied_items(items: list[Any], before: list[Any]) -> list[Any]:
    """Return a copy of a list; most only grow."""
    same = len(before)
    if items[:same] != before:
        same = 0
    return before[:same] + [_copied({"": item}, NOTHING)[""] for item in items[same:]]


def _must_be_text(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SwitchyardError("a string is no Unicode text", code="invalid_document") from None
