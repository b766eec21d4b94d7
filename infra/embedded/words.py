"""The lists of texts in tasks as a full-text index: a task is found by any of them, whatever there is.

SQLite keeps it with every write that changes such a list, and with no other. It holds the words alone: what else is
asked for, and whether a word is just that one, the document says. Without FTS5, which a SQLite of one's own making may
lack, documents are looked through.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any

FEW = 1000  # documents with a word that are rather fetched and sorted than met on the way through all
# Every character but spaces and controls belongs to a word; case is told apart afterwards.
_CHARACTERS = "!#$%&()*+,-./:;<=>?@[\\]^_`{|}~"
_TABLE = f"""CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    word, content='', detail=none, columnsize=0, tokenize="ascii tokenchars '{_CHARACTERS}'"
)"""
_HAD = "typeof(old.\"keys\") = 'text'"
_HAS = "typeof(new.\"keys\") = 'text'"
_ADD = f'INSERT INTO words (rowid, word) SELECT new.rowid, new."keys" WHERE {_HAS}'
_TAKE = f"INSERT INTO words (words, rowid, word) SELECT 'delete', old.rowid, old.\"keys\" WHERE {_HAD}"
_TRIGGERS = {
    "words_of_new": f"AFTER INSERT ON docs WHEN {_HAS} BEGIN {_ADD}; END",
    "words_of_changed": f'AFTER UPDATE OF "keys" ON docs BEGIN {_TAKE}; {_ADD}; END',
    "words_of_gone": f"AFTER DELETE ON docs WHEN {_HAD} BEGIN {_TAKE}; END",
}
_WORD = re.compile(r"[^\s\x00-\x1f\x7f\"']{1,200}")


@cache
def are_indexed() -> bool:
    """Whether this SQLite has FTS5."""
    with sqlite3.connect(":memory:") as connection:
        try:
            connection.execute(_TABLE)
        except sqlite3.OperationalError:
            return False
    return True


def is_word(text: str) -> bool:
    """Whether a text may be one word of the index; any other is in none."""
    return bool(_WORD.fullmatch(text))


def in_column(texts: list[Any]) -> str:
    """Return a list as the column has it: its words between spaces."""
    return f" {' '.join([t for t in texts if isinstance(t, str) and is_word(t)])} "


def prepare(execute: Callable[[str], Any]) -> None:
    """Make the index, and what keeps it."""
    if are_indexed():
        execute(_TABLE)
        for name, what in _TRIGGERS.items():
            execute(f"CREATE TRIGGER IF NOT EXISTS {name} {what}")


def begin_anew(execute: Callable[[str], Any]) -> None:
    """Forget all words: the documents are about to be written into another table, and theirs with them."""
    for name in _TRIGGERS:
        execute(f"DROP TRIGGER IF EXISTS {name}")
    execute("DROP TABLE IF EXISTS words")


def asked(text: str) -> str:
    """Return what the index is asked for a word."""
    return f'"{text}"'
