"""Documents in SQLite with Firestore's semantics; a written approval also queues the event that Firestore would send.

A version is the commit's place in the order of the file as RFC 3339 text, as Firestore's update_time: the event carries
the same. Read times are the clock's, and what expires goes by them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from infra.embedded import connections as sql
from infra.embedded import documents, queries, words
from infra.embedded.bus import DOCUMENT_EVENTS, enqueue
from infra.embedded.database import Database, Transaction
from infra.embedded.encoding import from_text, to_key, to_rfc3339
from infra.embedded.indexes import TO_EXPIRE
from shared.errors import Conflict
from shared.wiring.ports import ABSENT, Document, Filter, Row, Snapshot, Write

APPROVALS = "approvals"
SLICE_CHARS = 256 * 1024  # of JSON are read on the event loop before others get their turn: about a millisecond
MAX_DELETES = 1000
# Of letters and approvals that earlier versions wrote, open ones carry an expiry.
_EXPIRE = f"""DELETE FROM docs WHERE rowid IN (SELECT rowid FROM docs WHERE {TO_EXPIRE} AND expire_at <= ?
    AND NOT (collection = 'dead_letters' AND coalesce(redriven_at, x'') = x'')
    AND NOT (collection = 'approvals' AND coalesce(outcome, x'') = x'') LIMIT ?)"""  # noqa: S608
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
        contents = [documents.content(write.path, write.data) for write in writes]

        def apply(transaction: Transaction) -> list[str]:
            execute = transaction.execute
            standing = [_standing(transaction, write) for write in writes]
            committed = to_rfc3339(transaction.tick())
            versions = []
            for write, new, (version, old) in zip(writes, contents, standing, strict=True):
                if old and write.others_stay:
                    write = write._replace(data=from_text(old.texts[0]) | from_text(old.texts[1]) | write.data)
                    new = documents.content(write.path, write.data)
                if old is None or new.texts != old.texts:  # as in Firestore, what changes nothing makes no version
                    version = committed
                    if old is None:
                        documents.insert(execute, write.path, version, new)
                    else:
                        documents.update(execute, write.path, version, new, old)
                    if documents.collection_of(write.path) == APPROVALS:
                        self._announce(transaction, write, version, from_text(old.texts[0]) if old else None)
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
        by_word = await self._is_seldom(queries.word_in(collection, where))
        pages = queries.pages(collection, where, order_by, descending, after, by_word=by_word)
        rows = await self._find(queries.WHOLE, queries.source(by_word=by_word), pages, limit)
        now = self._database.clock.now()
        return await _in_slices(rows, lambda row: _snapshot(row, now))

    async def read_rows(self, fields: Sequence[str], *paths: str) -> list[Row]:
        columns = queries.columns(fields, *map(documents.collection_of, paths))
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
        by_word = await self._is_seldom(queries.word_in(collection, where))
        pages = queries.pages(collection, where, order_by, descending, after, by_word=by_word)
        rows = await self._find(columns, queries.source(by_word=by_word), pages, limit)
        now, wanted = self._database.clock.now(), set(fields)
        return await _in_slices(rows, lambda row: _row(row, wanted, now))

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        by_word = bool(queries.word_in(collection, where))
        condition, arguments = queries.condition(collection, where, by_word=by_word)
        source = queries.source(by_word=by_word)
        matching = f"SELECT 1 FROM {source} WHERE {condition} LIMIT ?"  # noqa: S608  names are checked, values are bound
        [(found,)] = await self._database.scan(f"SELECT count(*) FROM ({matching})", [*arguments, up_to])  # noqa: S608
        return int(found)

    async def delete_expired(self) -> int:
        """Delete documents whose `expire_at` has passed, at most `MAX_DELETES`, and return how many.

        None as long as the clock cannot be trusted.
        """
        if self._database.clock.trouble:
            return 0
        now = to_key(self._database.clock.now())
        arguments = (now, MAX_DELETES)
        return await self._database.write(lambda transaction: transaction.execute(_EXPIRE, arguments).rowcount)

    async def close(self) -> None:
        """Nothing: whoever opened the database closes it."""

    async def _is_seldom(self, word: str) -> bool:
        """Whether few documents have a word: these are fetched and sorted; of others enough come along soon."""
        if not word:
            return False
        sql = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
        [(found,)] = await self._database.scan(sql, [words.asked(word), words.FEW])
        return int(found) < words.FEW

    async def _find(self, columns: str, source: str, pages: Sequence[queries.Clause], limit: int) -> list[sql.Row]:
        rows: list[sql.Row] = []
        for clause, arguments in pages:
            statement = f"SELECT {columns} FROM {source} {clause} LIMIT ?"  # noqa: S608  as in count
            rows += await self._database.scan(statement, [*arguments, limit - len(rows)])
            if len(rows) == limit:
                break
        return rows

    def _announce(self, transaction: Transaction, write: Write, version: str, before: Document | None) -> None:
        from infra.document_event import approval_event  # costs an import that most processes never need

        task_id = write.path.rpartition("/")[2]
        headers, body = approval_event(self._project, task_id, write.data, version, self._authid, before)
        enqueue(transaction, DOCUMENT_EVENTS, str(transaction.tick()), transaction.now_us(), body, headers)


def _standing(transaction: Transaction, write: Write) -> tuple[str, documents.Content | None]:
    """Return version and content of the document that a write finds, if the write may replace it."""
    version, found = documents.read(transaction.execute, write.path) or (ABSENT, None)
    if write.expected not in (None, version):
        raise Conflict(f"{write.path} was changed by another writer")
    return version, found


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
