"""Connections to the file, and its troubles in words."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.embedded.encoding import from_text
from infra.embedded.indexes import member_key
from infra.embedded.schema import prepare
from infra.errors import StackError
from shared.errors import StoreUnavailable

Row = tuple[Any, ...]


def open_file(path: Path, prepare_timeout_s: float, *timeouts_s: float) -> list[sqlite3.Connection]:
    """Open or create the file, make its tables what they are here, and return a connection for each timeout.

    Raises:
        StackError: it cannot be written, is damaged, of a later version, or another program holds it locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(_connect(path, prepare_timeout_s)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            if not prepare(connection):
                raise StackError(f"{path} was written by another version; move it away to start empty")
            connection.execute("COMMIT")
        return [_connect(path, timeout_s) for timeout_s in timeouts_s]
    except (sqlite3.Error, OSError) as error:
        raise StackError(_explain(path, error)) from error


def _connect(path: Path, timeout_s: float) -> sqlite3.Connection:
    # Threads take turns on a connection; SQLite's own mutex guards it besides.
    connection = sqlite3.connect(path, timeout_s, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.create_function("member", 2, _member, deterministic=True)
    return connection


def _member(text: str, name: str) -> Any:
    """Read a member that has no column; see `queries`."""
    return member_key(from_text(text), name)


def fetch(connection: sqlite3.Connection, sql: str, arguments: Sequence[Any]) -> list[Row]:
    try:
        return connection.execute(sql, arguments).fetchall()
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


def _explain(path: Path, error: Exception) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"{path} is locked by another program; close it and start again"
    if "malformed" in text or "not a database" in text:
        return f"{path} is damaged ({text}); move it away to start empty"
    return f"{path} cannot be written ({text}); check DATA_DIR and its permissions"
