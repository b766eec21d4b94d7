"""Filters, orders and places of `Store` in, SQL over the table of documents out, as the indexes of `indexes` serve it.

Pure. Names go into the text, so that indexes are found; values are bound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.embedded import indexes, words
from infra.embedded.encoding import ABSENT_KEY, BULKY, FIRST_BOOL, FIRST_MAP, FIRST_TEXT, FIRST_TIME, to_key
from shared.wiring.ports import Filter, Row, Snapshot

WHOLE = "path, version, data, bulk"
Clause = tuple[str, list[Any]]  # text, and what to bind in it
_Part = tuple[str, list[Any], str | None]  # a condition, what to bind in it, and what to order by before the path
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*")


def columns(fields: Sequence[str], *collections: str) -> str:
    """Return the columns in which these members of documents lie."""
    bulky = any(name in BULKY.get(collection, ()) for collection in collections for name in fields)
    return WHOLE if bulky else "path, version, data"


def pages(
    collection: str,
    where: Sequence[Filter],
    order_by: str | None,
    descending: bool,
    after: Snapshot | Row | None,
    *,
    by_word: bool = False,
) -> list[Clause]:
    """Return WHERE and ORDER BY of a query, in parts: what a part does not fill, the next one goes on with.

    `by_word`: as for `source`.

    Raises:
        ValueError: a name is none, or nobody can search for it.
    """
    always, values = condition(collection, where, by_word=by_word)
    if order_by is None:  # paths of one collection are neighbours; with an order, its index is the better way in
        always += f" AND path > '{collection}/' AND path < '{collection}0'"
    elif order_by not in {f.field for f in where}:  # missing: not in the order
        always += f" AND {_column(collection, order_by)} IS NOT x'{ABSENT_KEY.hex()}'"
    column = _column(collection, order_by) if order_by else None
    parts: list[_Part] = _beyond(column, order_by, descending, after) if after else [("TRUE", [], column)]
    direction = "DESC" if descending else "ASC"
    found = []
    for part, bound, by in parts:
        order = ", ".join(f"{name} {direction}" for name in ([by] if by else []) + ["path"])
        found.append((f"WHERE {always} AND {part} ORDER BY {order}", [*values, *bound]))
    return found


def word_in(collection: str, where: Sequence[Filter]) -> str:
    """Return the word that an index of words is asked for; empty where none can be."""
    asked = (f.value for f in where if f.op == "contains" and f.field == indexes.LISTS.get(collection))
    word = next(asked, "")
    return word if isinstance(word, str) and words.is_word(word) and words.are_indexed() else ""


def source(*, by_word: bool) -> str:
    """Return what is selected from. `by_word`: a word is looked up first, and then the documents that have it."""
    return "words CROSS JOIN docs ON docs.rowid = words.rowid" if by_word else "docs"


def condition(collection: str, where: Sequence[Filter], *, by_word: bool = False) -> Clause:
    """Return what must hold of a document of the collection. `by_word`: as for `source`.

    Values are compared within one type only, as in Firestore: of what is only bounded on one side, the type's own
    range is the other.
    """
    parts, bound = [f"collection = '{_checked('', collection)}'"], []
    sides = {(f.field, f.op) for f in where}
    for f in where:
        if f.op == "contains":
            among, values = _among(collection, f, by_word)
            parts.append(among)
            bound += values
            continue
        column = _column(collection, f.field)
        if f.value is None:
            parts.append(f"{column} IS NULL")
            continue
        parts.append(f"{column} {'=' if f.op == '==' else f.op} ?")
        bound.append(to_key(f.value))
        least, beyond = _range(f.value)
        if f.op == "<=" and least and (f.field, ">=") not in sides:
            parts.append(f"{column} >= {least}")
        if f.op == ">=" and (f.field, "<=") not in sides:
            parts.append(f"{column} < {beyond}")
    return " AND ".join(parts), bound


def _among(collection: str, f: Filter, by_word: bool) -> Clause:
    """Return that a list has a text, as the index of words knows it, or as the document says."""
    name = _checked(collection, f.field)
    if word := word_in(collection, [f]):
        matching = "words MATCH ?" if by_word else "+docs.rowid IN (SELECT rowid FROM words WHERE words MATCH ?)"
        return f'{matching} AND instr(docs."{name}", ?)', [words.asked(word), f" {word} "]
    place = f"'$.{name}'"
    return (
        f"json_type(data, {place}) = 'array' AND ? IN (SELECT value FROM json_each(data, {place}))",  # noqa: S608
        [f.value],
    )


def _range(value: Any) -> tuple[str, str]:
    """Return the least key of a value's type and one beyond it, in SQL; before numbers there is only null."""
    match value:
        case str():
            return FIRST_TEXT, f"x'{ABSENT_KEY.hex()}'"
        case bool():
            return FIRST_BOOL, FIRST_TIME
        case datetime():
            return FIRST_TIME, FIRST_MAP
    return "", FIRST_TEXT


def _beyond(column: str | None, order_by: str | None, descending: bool, after: Snapshot | Row) -> list[_Part]:
    """Return what comes after a document, in parts: an index serves each, but none an OR of them.

    Of a comparison of pairs an index of expressions makes no range, so the first of the pair says it once more.
    """
    operator = "<" if descending else ">"
    if column is None or order_by is None:
        return [(f"path {operator} ?", [after.path], None)]
    value: Any = after.data
    for name in order_by.split("."):
        value = value[name]
    nulls = f"{column} IS NULL"  # null is before every value
    if value is None:
        rest: list[_Part] = [] if descending else [(f"{column} IS NOT NULL", [], column)]
        return [(f"{nulls} AND path {operator} ?", [after.path], None), *rest]
    rest = [(nulls, [], None)] if descending else []
    at = to_key(value)
    return [(f"{column} {operator}= ? AND ({column}, path) {operator} (?, ?)", [at, at, after.path], column), *rest]


def _checked(collection: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a collection or field")
    if name in BULKY.get(collection, ()):
        raise ValueError(f"{name!r} of {collection} is long: nobody can search for it or sort by it")
    return name


def _column(collection: str, field: str) -> str:
    """Return what to compare: its column, or what `database` reads of the document where nobody searches often."""
    name = _checked(collection, field)
    return indexes.column(name) if name in indexes.columns(collection) else f"member(data, '{name}')"
