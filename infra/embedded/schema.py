"""The tables of the embedded backend. Times are integers, microseconds since 1970; documents are JSON text."""

from __future__ import annotations

import sqlite3

from infra.embedded import documents, words
from infra.embedded.encoding import from_text
from infra.embedded.indexes import CREATED, MEMBERS, column
from shared.logs import log

CACHE_KB = 256 * 1024  # while a file is brought up: its indexes are filled in no order
FORMAT = 3  # PRAGMA user_version; a file of a format before it is brought up, a later one means an unreadable layout

# `bulk` is last: SQLite follows a long row only as far as the columns that a statement wants.
_COLUMNS = ("path", "collection", "version", *MEMBERS, "data", "bulk")
_DOCS = f"""CREATE TABLE docs (
    path TEXT PRIMARY KEY,
    collection TEXT NOT NULL,
    version TEXT NOT NULL,
    {", ".join(map(column, MEMBERS))},
    data TEXT NOT NULL,
    bulk TEXT NOT NULL
)"""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS clock (last_us INTEGER NOT NULL)",
    "INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM clock)",
    # The time when somebody last looked at this machine's clock, and for how long it had been plausible then.
    "CREATE TABLE IF NOT EXISTS clock_watch (time_us INTEGER NOT NULL, plausible_us INTEGER NOT NULL)",
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
)


def prepare(connection: sqlite3.Connection) -> bool:
    """Make tables and indexes what they are here, within the caller's transaction; False: it is a later layout."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found not in range(FORMAT + 1):
        return False
    for statement in _TABLES:
        connection.execute(statement)
    standing = [name for _, name, *_ in connection.execute("PRAGMA table_info(docs)")]
    if not standing:
        connection.execute(_DOCS)
    elif standing != list(_COLUMNS):
        _bring_up(connection, in_one_part="bulk" not in standing)
    words.prepare(connection.execute)
    _index(connection)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    return True


def _index(connection: sqlite3.Connection) -> None:
    """Make the indexes that are missing, and take away what nobody asks for any more."""
    sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'docs' AND sql IS NOT NULL"
    standing = dict(connection.execute(sql).fetchall())
    for name in standing.keys() - {name for name, made in CREATED.items() if standing.get(name) == made}:
        connection.execute(f"DROP INDEX {name}")
    for name, made in CREATED.items():
        if standing.get(name) != made:
            connection.execute(made)


def _bring_up(connection: sqlite3.Connection, *, in_one_part: bool) -> None:
    """Move all documents into a table with today's columns; format 1 had no `bulk`."""
    log("NOTICE", "the data folder's file is brought up to this version, which may take minutes", function="run")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    words.begin_anew(connection.execute)
    connection.execute("ALTER TABLE docs RENAME TO docs_before")
    connection.execute(_DOCS)
    words.prepare(connection.execute)
    bulk = "'{}'" if in_one_part else "bulk"
    sql = f"SELECT path, version, data, {bulk} FROM docs_before ORDER BY path"  # noqa: S608
    for path, version, data, more in connection.execute(sql):
        documents.insert(connection.execute, path, version, documents.content(path, from_text(data) | from_text(more)))
    connection.execute("DROP TABLE docs_before")
