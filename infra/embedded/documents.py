"""A document's row in the table: what stands there before a write, and a write of nothing but what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from infra.embedded.encoding import to_texts
from infra.embedded.indexes import column, columns, keys
from shared.wiring.ports import Document

Execute = Callable[[str, Sequence[Any]], Any]


class Content(NamedTuple):
    """A document as its row has it: its two texts, and what it is searched for and sorted by."""

    texts: tuple[str, str]
    keys: Sequence[Any]


def content(path: str, data: Document) -> Content:
    """Return what a document's row holds.

    Raises:
        SwitchyardError: see `to_text`.
    """
    collection = collection_of(path)
    return Content(to_texts(collection, data), keys(collection, data))


def read(execute: Execute, path: str) -> tuple[str, Content] | None:
    """Return version and content of the row; None: there is none."""
    row = execute(_select(collection_of(path)), (path,)).fetchone()
    return (row[0], Content(row[1:3], row[3:])) if row else None


def insert(execute: Execute, path: str, version: str, new: Content) -> None:
    """Write a document that is not there."""
    collection = collection_of(path)
    execute(_insert(collection), (path, collection, version, *new.texts, *new.keys))


def update(execute: Execute, path: str, version: str, new: Content, old: Content) -> None:
    """Write a document over another: SQLite touches only the indexes of columns that a statement names."""
    changed, values = ["version"], [version]
    names = _names(collection_of(path))
    for name, value, was in zip(names, (*new.texts, *new.keys), (*old.texts, *old.keys), strict=True):
        if value != was:
            changed.append(name)
            values.append(value)
    settings = ", ".join([f"{name} = ?" for name in changed])
    execute(f"UPDATE docs SET {settings} WHERE path = ?", (*values, path))  # noqa: S608


def collection_of(path: str) -> str:
    """Return the collection of a document."""
    return path.rpartition("/")[0]


@lru_cache
def _names(collection: str) -> Sequence[str]:
    return ("data", "bulk", *map(column, columns(collection)))


@lru_cache
def _select(collection: str) -> str:
    return f"SELECT version, {', '.join(_names(collection))} FROM docs WHERE path = ?"  # noqa: S608  the code's names


@lru_cache
def _insert(collection: str) -> str:
    names = ("path", "collection", "version", *_names(collection))
    return f"INSERT INTO docs ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
