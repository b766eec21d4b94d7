"""What the steps need of the world, as protocols. Each adapter passes the contract suite of its port.

Data in documents: JSON types and aware UTC datetimes; integers of 64 bits; no key is ever a user's string.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

Document = dict[str, Any]
ABSENT: Literal["absent"] = "absent"


class Snapshot(NamedTuple):
    """One document as the server saw it at `read_time` (the server's clock, aware UTC)."""

    path: str
    data: Document | None  # None: there is no such document
    version: str  # the update time, RFC 3339 with nanoseconds; grows with every write; ABSENT: no document
    read_time: datetime

    @property
    def id(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]


class Row(NamedTuple):
    """Some members of a document, for lists: never the document, so nothing can write it back."""

    path: str
    data: Mapping[str, Any]  # those of the wanted members that the document has
    version: str  # of the whole document
    read_time: datetime

    @property
    def id(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]


class Write(NamedTuple):
    """Replace the document at `path` by `data` if its version is still `expected`.

    `expected` is a `Snapshot.version`, ABSENT (create), or None (whatever is there). `others_stay`: only the members in
    `data` are replaced, and the document may hold what this code cannot read.
    """

    path: str
    data: Document
    expected: str | None
    others_stay: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """`field` of a document compared with `value`; a missing field never matches, `None` matches null.

    Values are compared within one type only. `contains`: it is a list of texts, and `value` is one of them; a query has
    one such filter at most.
    """

    field: str
    op: Literal["==", "<=", ">=", "contains"]
    value: Any


class Store(Protocol):
    """Documents with compare-and-set. All writes of one `commit` happen or none does; reads promise no snapshot."""

    async def read(self, *paths: str) -> list[Snapshot]:
        """Return the documents in the order of `paths`, each as of its own `read_time`: only a commit proves them.

        Raises:
            StoreUnavailable: nothing was read; the message is redelivered.
        """

    async def commit(self, *writes: Write) -> list[str]:
        """Apply all writes atomically and return the new versions, in order.

        Raises:
            Conflict: a precondition failed; nothing was written.
            StoreUnavailable: nothing was written.
            CommitUnknown: it may have been written; read again and compare.
        """

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
        """Return up to `limit` documents, ordered by `order_by` (then by path), beginning after `after`.

        Raises:
            StoreUnavailable: nothing was read.
        """

    async def read_rows(self, fields: Sequence[str], *paths: str) -> list[Row]:
        """Return these top-level members of the documents that exist, in the order of `paths`, and read no others.

        Raises:
            StoreUnavailable: nothing was read.
        """

    async def query_rows(
        self,
        collection: str,
        fields: Sequence[str],
        *,
        where: Sequence[Filter] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: Snapshot | Row | None = None,
    ) -> list[Row]:
        """Return these top-level members of what `query` finds, and read no others.

        Raises:
            StoreUnavailable: nothing was read.
        """

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        """Return how many documents match, without reading them; `up_to` where there are as many or more.

        Raises:
            StoreUnavailable: nothing was counted.
        """

    async def close(self) -> None:
        """Release connections."""


class Publisher(Protocol):
    """Topics, at least once."""

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Return the message's id once the bus has acknowledged it durably.

        Raises:
            PublishFailed: no acknowledgement in time; the message may or may not be there.
        """

    async def close(self) -> None:
        """Flush and release connections."""
