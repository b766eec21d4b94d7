"""Documents in SQLite with Firestore's semantics; a written approval also queues the event that Firestore would send.

A version is the commit's place in the order of the file as RFC 3339 text, as Firestore's update_time: the event carries
the same. Read times are the clock's, and what expires goes by them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from infra.embedded import database as sql
from infra.embedded import queries
from infra.embedded.bus import DOCUMENT_EVENTS, enqueue
from infra.embedded.database import Database, Transaction
from infra.embedded.encoding import from_text, to_rfc3339, to_text, to_texts
from shared.errors import Conflict
from shared.wiring.ports import ABSENT, Document, Filter, Row, Snapshot, Write

APPROVALS = "approvals"
_UPSERT = """INSERT INTO docs (path, collection, version, data, bulk) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (path) DO UPDATE SET version = excluded.version, data = excluded.data, bulk = excluded.bulk"""
SLICE_CHARS = 256 * 1024  # of JSON are read on the event loop before others get their turn: about a millisecond
MAX_DELETES = 1000
# Tasks become tombstones instead; of letters and approvals that earlier versions wrote, open ones carry an expiry.
_EXPIRE = """DELETE FROM docs WHERE rowid IN (SELECT rowid FROM docs WHERE json_extract(data, '$.expire_at') <= ?
    AND json_type(data, '$.expire_at') = 'object' AND collection != 'tasks'
    AND NOT (collection = 'dead_letters' AND json_extract(data, '$.redriven_at') IS NULL)
    AND NOT (collection = 'approvals' AND json_extract(data, '$.outcome') IS NULL) LIMIT ?)"""
T = TypeVar("T", Snapshot, Row)


class EmbeddedStore:
    """`Store` of `shared.wiring.ports`. `authid` is who writes, as the document event will say."""

    def __init__(self, database: Database, *, project: str = "switchyard-local", authid: str = "") -> None:
        self._database = database
        self._project = project
        self._authid = authid

    async def read(self, *paths: str) -> list[Snapshot]:
        await asyncio.sleep(0)  # a caller that reads in a loop must not keep everybody else from running
        marks = ",".join("?" * len(paths))
        rows = self._database.read(f"SELECT {queries.WHOLE} FROM docs WHERE path IN ({marks})", paths)  # noqa: S608
        now = self._database.clock.now()
        found = {row[0]: _snapshot(row, now) for row in rows}
        return [found.get(path) or Snapshot(path, None, ABSENT, now) for path in paths]

    async def commit(self, *writes: Write) -> list[str]:
        texts = [to_texts(_collection(write.path), write.data) for write in writes]

        def apply(transaction: Transaction) -> list[str]:
            standing = [_standing(transaction, write) for write in writes]
            committed = to_rfc3339(transaction.tick())
            versions = []
            for write, text, (version, before) in zip(writes, texts, standing, strict=True):
                if write.others_stay and version != ABSENT:
                    write = write._replace(data=from_text(before[0]) | from_text(before[1]) | write.data)
                    text = to_texts(_collection(write.path), write.data)
                if text != before:  # as in Firestore, a write that changes nothing makes no version and no event
                    version = committed
                    collection = _collection(write.path)
                    transaction.execute(_UPSERT, (write.path, collection, version, *text))
                    if collection == APPROVALS:
                        self._announce(transaction, write, version, from_text(before[0]) if before[0] else None)
                versions.append(version)
            return versions

        return await self._database.write(apply)

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
        rows = await self._find(queries.WHOLE, queries.pages(collection, where, order_by, descending, after), limit)
        now = self._database.clock.now()
        return await _in_slices(rows, lambda row: _snapshot(row, now))

    async def read_rows(self, fields: Sequence[str], *paths: str) -> list[Row]:
        columns = queries.columns(fields, *map(_collection, paths))
        marks = ",".join("?" * len(paths))
        rows = await self._database.scan(f"SELECT {columns} FROM docs WHERE path IN ({marks})", paths)  # noqa: S608
        now, wanted = self._database.clock.now(), set(fields)
        found = {row.path: row for row in await _in_slices(rows, lambda row: _row(row, wanted, now))}
        return [found[path] for path in paths if path in found]

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
        columns = queries.columns(fields, collection)
        rows = await self._find(columns, queries.pages(collection, where, order_by, descending, after), limit)
        now, wanted = self._database.clock.now(), set(fields)
        return await _in_slices(rows, lambda row: _row(row, wanted, now))

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        condition, arguments = queries.condition(collection, where)
        matching = f"SELECT 1 FROM docs WHERE {condition} LIMIT ?"  # noqa: S608  names are checked, values are bound
        [(found,)] = await self._database.scan(f"SELECT count(*) FROM ({matching})", [*arguments, up_to])  # noqa: S608
        return int(found)

    async def delete_expired(self) -> int:
        """Delete documents whose `expire_at` has passed, at most `MAX_DELETES`, and return how many.

        None as long as the clock cannot be trusted.
        """
        if self._database.clock.trouble:
            return 0
        now = to_text(self._database.clock.now())
        arguments = (now, MAX_DELETES)
        return await self._database.write(lambda transaction: transaction.execute(_EXPIRE, arguments).rowcount)

    async def close(self) -> None:
        """Nothing: whoever opened the database closes it."""

    async def _find(self, columns: str, pages: Sequence[queries.Clause], limit: int) -> list[sql.Row]:
        rows: list[sql.Row] = []
        for clause, arguments in pages:
            statement = f"SELECT {columns} FROM docs {clause} LIMIT ?"  # noqa: S608  as in count
            rows += await self._database.scan(statement, [*arguments, limit - len(rows)])
            if len(rows) == limit:
                break
        return rows

    def _announce(self, transaction: Transaction, write: Write, version: str, before: Document | None) -> None:
        from infra.document_event import approval_event  # costs an import that most processes never need

        task_id = write.path.rpartition("/")[2]
        headers, body = approval_event(self._project, task_id, write.data, version, self._authid, before)
        enqueue(transaction, DOCUMENT_EVENTS, str(transaction.tick()), transaction.now_us(), body, headers)


def _standing(transaction: Transaction, write: Write) -> tuple[str, tuple[str, str]]:
    """Return version and texts of the document that a write finds, if the write may replace it."""
    row = transaction.execute("SELECT version, data, bulk FROM docs WHERE path = ?", (write.path,)).fetchone()
    version, data, bulk = row or (ABSENT, "", "")
    if write.expected not in (None, version):
        raise Conflict(f"{write.path} was changed by another writer")
    return version, (data, bulk)


def _collection(path: str) -> str:
    return path.rpartition("/")[0]


async def _in_slices(rows: Sequence[sql.Row], made: Callable[[sql.Row], T]) -> list[T]:
    """Return what is made of the rows; no slice of the work keeps the event loop for long."""
    found, read = [], 0
    for row in rows:
        found.append(made(row))
        read += sum(map(len, row[2:]))
        if read > SLICE_CHARS:
            read = 0
            await asyncio.sleep(0)
    return found


def _snapshot(row: sql.Row, now: datetime) -> Snapshot:
    path, version, data, bulk = row
    return Snapshot(path, from_text(data) | from_text(bulk), version, now)


def _row(row: sql.Row, wanted: set[str], now: datetime) -> Row:
    path, version, *parts = row
    members = (item for part in parts for item in from_text(part).items())
    return Row(path, {name: value for name, value in members if name in wanted}, version, now)
