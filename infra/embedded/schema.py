"""The tables of the embedded backend. Times are integers, microseconds since 1970; documents are JSON text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import combinations

from infra.embedded.encoding import from_text, to_texts
from shared.logs import log

CACHE_KB = 256 * 1024  # while a file is brought up: its indexes are filled in no order
FORMAT = 2  # PRAGMA user_version; a file of format 1 is brought up, any other number means an unreadable layout

# `bulk` is last: SQLite follows a long row only as far as the columns that a statement wants.
_DOCS = """(
    path TEXT PRIMARY KEY,
    collection TEXT NOT NULL,
    version TEXT NOT NULL,
    data TEXT NOT NULL,
    bulk TEXT NOT NULL
)"""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS clock (last_us INTEGER NOT NULL)",
    "INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM clock)",
    # The time when somebody last looked at this machine's clock, and for how long it had been plausible then.
    "CREATE TABLE IF NOT EXISTS clock_watch (time_us INTEGER NOT NULL, plausible_us INTEGER NOT NULL)",
    f"CREATE TABLE IF NOT EXISTS docs {_DOCS}",
    # One row per message and subscription, until it is acknowledged. due_at_us: when it may be delivered (again).
    """CREATE TABLE IF NOT EXISTS queue (
        id INTEGER PRIMARY KEY,
        subscription TEXT NOT NULL,
        due_at_us INTEGER NOT NULL,
        leased INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        message_id TEXT NOT NULL,
        published_at_us INTEGER NOT NULL,
        attributes TEXT NOT NULL,
        data BLOB NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS queue_by_due ON queue (subscription, due_at_us, id)",
    # The latest messages of topics that nobody subscribes to, to look at.
    """CREATE TABLE IF NOT EXISTS unsubscribed (
        topic TEXT NOT NULL,
        seq INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        published_at_us INTEGER NOT NULL,
        attributes TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (topic, seq)
    )""",
    """CREATE INDEX IF NOT EXISTS docs_to_expire ON docs (json_extract(data, '$.expire_at'))
        WHERE json_extract(data, '$.expire_at') IS NOT NULL""",
)
# What the sweeper, the notifier and the ops page ask for, in their order: an answer costs what it holds, not what
# there is. Tasks may be searched for by any of three members together, so each choice of them has its index.
_SEARCHED = ("state", "intent", "source")
_TASKS = [[*chosen, "created_at"] for n in range(len(_SEARCHED) + 1) for chosen in combinations(_SEARCHED, n)]


def prepare(connection: sqlite3.Connection) -> bool:
    """Make the tables and indexes that are missing, within the caller's transaction; False: it is another's layout."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found not in (0, 1, FORMAT):
        return False
    if found == 1:
        _set_aside(connection)
    for statement in (*_TABLES, *_indexes()):
        connection.execute(statement)
    if found == 1:
        _bring_up(connection)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    return True


def _indexes() -> Iterator[str]:
    for fields in (*_TASKS, ["state", "updated_at"], ["requester.key", "created_at"]):
        yield _index("tasks", fields)
    for field in ("next_check_at", "expire_at", "noted_at"):
        yield _index("tasks", [field], f"json_extract(data, '$.{field}') IS NOT NULL")
    yield _index("dead_letters", ["created_at"])
    yield _index("dead_letters", ["created_at"], "json_type(data, '$.redriven_at') = 'null'")
    for fields in (
        ["at"],
        ["requester_key"],
        ["verdict"],
        ["said", "right"],
        ["model", "prompt_version", "drawn", "right"],
    ):
        yield _index("labels", fields)
    yield _index("answers", ["open"])
    yield _index("audits", ["open", "drawn_at"])
    for field in ("at", "open"):
        yield _index("breakers", [field])
    yield _index("tasks", ["intent", "state", "updated_at"], "json_type(data, '$.approval') = 'null'")
    for fields in (["right", "at"], ["said", "right", "at"], ["said", "drawn", "at"]):
        yield _index("labels", fields)
    yield _index("approvals", ["requested_at"])
    for field in ("requested_at", "status"):
        yield _index("approvals", [field], "json_type(data, '$.outcome') = 'null'")


def _index(collection: str, fields: Sequence[str], only: str = "") -> str:
    name = "_".join([collection, *(["open"] if only else []), "by", *fields]).replace(".", "_")
    columns = ", ".join([*(f"json_extract(data, '$.{field}')" for field in fields), "path"])
    condition = f"collection = '{collection}'" + (f" AND {only}" if only else "")
    return f"CREATE INDEX IF NOT EXISTS {name} ON docs ({columns}) WHERE {condition}"


def _set_aside(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE docs RENAME TO docs_1")
    connection.execute("DROP INDEX IF EXISTS docs_to_expire")  # its name is used again


def _bring_up(connection: sqlite3.Connection) -> None:
    """Move the documents of a file of format 1, which were in one part, to where they are now."""
    log("NOTICE", "the data folder's file is brought up to this version, which may take minutes", function="run")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    rows = connection.execute("SELECT path, collection, version, data FROM docs_1 ORDER BY path")
    connection.executemany(
        "INSERT INTO docs VALUES (?, ?, ?, ?, ?)",
        ((path, of, version, *to_texts(of, from_text(data))) for path, of, version, data in rows),
    )
    connection.execute("DROP TABLE docs_1")
