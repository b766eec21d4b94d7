"""Documents in SQLite with Firestore's semantics; a written approval also queues the event that Firestore would send.

A version is the time of its commit as RFC 3339 text, as Firestore's update_time: the event carries the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from infra.embedded.bus import DOCUMENT_EVENTS, enqueue
from infra.embedded.database import Database, Row, Transaction
from infra.embedded.encoding import from_text, to_rfc3339, to_text
from shared.errors import Conflict
from shared.wiring.ports import ABSENT, Filter, Snapshot, Write

APPROVALS = "approvals"
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*")  # goes into SQL text, so that indexes are found
_UPSERT = """INSERT INTO docs (path, collection, data, version) VALUES (?, ?, ?, ?)
    ON CONFLICT (path) DO UPDATE SET data = excluded.data, version = excluded.version"""
MAX_DELETES = 1000
# Tasks become tombstones instead; of letters and approvals that earlier versions wrote, open ones carry an expiry.
_EXPIRE = """DELETE FROM docs WHERE rowid IN (SELECT rowid FROM docs WHERE json_extract(data, '$.expire_at') <= ?
    AND json_type(data, '$.expire_at') = 'object' AND collection != 'tasks'
    AND NOT (collection = 'dead_letters' AND json_extract(data, '$.redriven_at') IS NULL)
    AND NOT (collection = 'approvals' AND json_extract(data, '$.outcome') IS NULL) LIMIT ?)"""
# Values are compared within one type only, as in Firestore.
_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((bool,), "'true', 'false'"),
    ((int, float), "'integer', 'real'"),
    ((str,), "'text'"),
    ((datetime,), "'object'"),
)


class EmbeddedStore:
    """`Store` of `shared.wiring.ports`. `authid` is who writes, as the document event will say."""

    def __init__(self, database: Database, *, project: str = "switchyard-local", authid: str = "") -> None:
        self._database = database
        self._project = project
        self._authid = authid

    async def read(self, *paths: str) -> list[Snapshot]:
        await asyncio.sleep(0)  # a caller that reads in a loop must not keep everybody else from running
        marks = ",".join("?" * len(paths))
        rows = self._database.read(f"SELECT path, data, version FROM docs WHERE path IN ({marks})", paths)  # noqa: S608
        now = datetime.now(UTC)
        found = {row[0]: _snapshot(row, now) for row in rows}
        return [found.get(path) or Snapshot(path, None, ABSENT, now) for path in paths]

    async def commit(self, *writes: Write) -> list[str]:
        texts = [to_text(write.data) for write in writes]

        def apply(transaction: Transaction) -> list[str]:
            standing = [_standing(transaction, write) for write in writes]
            now = transaction.tick()
            versions = []
            for write, text, (version, before) in zip(writes, texts, standing, strict=True):
                if text != before:  # as in Firestore, a write that changes nothing makes no version and no event
                    version = to_rfc3339(now)
                    collection = write.path.rpartition("/")[0]
                    transaction.execute(_UPSERT, (write.path, collection, text, version))
                    if collection == APPROVALS:
                        self._announce(transaction, write, now)
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
        after: Snapshot | None = None,
    ) -> list[Snapshot]:
        conditions, arguments = [f"collection = '{_checked(collection)}'"], []
        for clause, value in map(_condition, where):
            conditions.append(clause)
            arguments += value
        if order_by is None:  # paths of one collection are neighbours; with an order, its index is the better way in
            conditions.append(f"path > '{collection}/' AND path < '{collection}0'")
        else:
            conditions.append(f"json_type(data, '$.{_checked(order_by)}') IS NOT NULL")  # missing: not in the order
        if after is not None:
            clause, value = _beyond(after, order_by, descending)
            conditions.append(clause)
            arguments += value
        direction = "DESC" if descending else "ASC"
        order = [f"{column} {direction}" for column in ([_column(order_by)] if order_by else []) + ["path"]]
        sql = f"""SELECT path, data, version FROM docs WHERE {" AND ".join(conditions)}
            ORDER BY {", ".join(order)} LIMIT ?"""  # noqa: S608  names are checked, values are bound
        rows = await self._database.scan(sql, [*arguments, limit])
        now = datetime.now(UTC)
        return [_snapshot(row, now) for row in rows]

    async def count(self, collection: str, *, where: Sequence[Filter] = ()) -> int:
        conditions, arguments = [f"collection = '{_checked(collection)}'"], []
        for clause, value in map(_condition, where):
            conditions.append(clause)
            arguments += value
        sql = f"SELECT count(*) FROM docs WHERE {' AND '.join(conditions)}"  # noqa: S608  as in query
        [(found,)] = await self._database.scan(sql, arguments)
        return int(found)

    async def delete_expired(self) -> int:
        """Delete documents whose `expire_at` has passed, at most `MAX_DELETES`, and return how many."""
        now = to_text(datetime.now(UTC))
        arguments = (now, MAX_DELETES)
        return await self._database.write(lambda transaction: transaction.execute(_EXPIRE, arguments).rowcount)

    async def close(self) -> None:
        """Nothing: whoever opened the database closes it."""

    def _announce(self, transaction: Transaction, write: Write, now_us: int) -> None:
        from infra.document_event import approval_event  # costs an import that most processes never need

        task_id = write.path.rpartition("/")[2]
        headers, body = approval_event(self._project, task_id, write.data, to_rfc3339(now_us), self._authid)
        enqueue(transaction, DOCUMENT_EVENTS, str(now_us), now_us, body, headers)


def _standing(transaction: Transaction, write: Write) -> tuple[str, str]:
    """Return version and text of the document that a write finds, if the write may replace it."""
    row = transaction.execute("SELECT version, data FROM docs WHERE path = ?", (write.path,)).fetchone()
    version, text = row or (ABSENT, "")
    if write.expected not in (None, version):
        raise Conflict(f"{write.path} was changed by another writer")
    return version, text


def _snapshot(row: Row, now: datetime) -> Snapshot:
    path, data, version = row
    return Snapshot(path, from_text(data), version, now)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a collection or field")
    return name


def _column(field: str) -> str:
    return f"json_extract(data, '$.{_checked(field)}')"


def _condition(filter: Filter) -> tuple[str, list[Any]]:
    column, kind = _column(filter.field), f"json_type(data, '$.{filter.field}')"
    if filter.value is None:
        return f"({column} IS NULL AND {kind} = 'null')", []  # json_extract alone cannot tell null from missing
    kinds = next(names for types, names in _KINDS if isinstance(filter.value, types))
    operator = {"==": "=", "<=": "<=", ">=": ">="}[filter.op]
    return f"({column} {operator} ? AND {kind} IN ({kinds}))", [_bound(filter.value)]


def _bound(value: Any) -> Any:
    """Return the value as json_extract gives it."""
    return to_text(value) if isinstance(value, datetime) else value


def _beyond(after: Snapshot, order_by: str | None, descending: bool) -> tuple[str, list[Any]]:
    operator = "<" if descending else ">"
    if order_by is None:
        return f"path {operator} ?", [after.path]
    column = _column(order_by)
    value: Any = after.data
    for name in order_by.split("."):
        value = value[name]
    if value is None:  # null is before every value
        return f"(({column} IS NULL AND path {operator} ?){'' if descending else f' OR {column} IS NOT NULL'})", [
            after.path
        ]
    nulls = f" OR {column} IS NULL" if descending else ""
    return f"(({column}, path) {operator} (?, ?){nulls})", [_bound(value), after.path]
