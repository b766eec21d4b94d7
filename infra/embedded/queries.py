"""Filters, orders and places of `Store` in, SQL over the table of documents out, as the indexes of `schema` serve it.

Pure. Names go into the text, so that indexes are found; values are bound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.embedded.encoding import BULKY, FIRST_TIME, LAST_TIME, to_text
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
) -> list[Clause]:
    """Return WHERE and ORDER BY of a query, in parts: what a part does not fill, the next one goes on with.

    Raises:
        ValueError: a name is none, or nobody can search for it.
    """
    always, values = condition(collection, where)
    if order_by is None:  # paths of one collection are neighbours; with an order, its index is the better way in
        always += f" AND path > '{collection}/' AND path < '{collection}0'"
    elif order_by not in {f.field for f in where}:  # missing: not in the order
        always += f" AND json_type(data, '$.{_checked(collection, order_by)}') IS NOT NULL"
    column = _column(collection, order_by) if order_by else None
    parts: list[_Part] = _beyond(column, order_by, descending, after) if after else [("TRUE", [], column)]
    direction = "DESC" if descending else "ASC"
    found = []
    for part, bound, by in parts:
        order = ", ".join(f"{name} {direction}" for name in ([by] if by else []) + ["path"])
        found.append((f"WHERE {always} AND {part} ORDER BY {order}", [*values, *bound]))
    return found


def condition(collection: str, where: Sequence[Filter]) -> Clause:
    """Return what must hold of a document of the collection.

    Values are compared within one type only, as in Firestore. Where SQLite's value alone tells the type, nothing else
    is asked, so that an index answers without the document.
    """
    parts, bound = [f"collection = '{_checked('', collection)}'"], []
    sides = {(f.field, f.op) for f in where}
    for f in where:
        column, kind = _column(collection, f.field), f"json_type(data, '$.{f.field}')"
        if f.value is None:  # json_extract alone cannot tell null from missing
            parts.append(f"{kind} = 'null'")
            continue
        parts.append(f"{column} {'=' if f.op == '==' else f.op} ?")
        bound.append(_bound(f.value))
        match f.value:
            case datetime() if f.op == "<=" and (f.field, ">=") not in sides:
                parts.append(f"{column} > '{FIRST_TIME}'")
            case datetime() if f.op == ">=" and (f.field, "<=") not in sides:
                parts.append(f"{column} < '{LAST_TIME}'")
            case bool():
                parts.append(f"{kind} IN ('true', 'false')")
            case int() | float():
                parts.append(f"{kind} IN ('integer', 'real')")
            case str() if f.op != "==":
                parts.append(f"{kind} = 'text'")
    return " AND ".join(parts), bound


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
    at = _bound(value)
    return [(f"{column} {operator}= ? AND ({column}, path) {operator} (?, ?)", [at, at, after.path], column), *rest]


def _checked(collection: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a collection or field")
    if name in BULKY.get(collection, ()):
        raise ValueError(f"{name!r} of {collection} is long: nobody can search for it or sort by it")
    return name


def _column(collection: str, field: str) -> str:
    return f"json_extract(data, '$.{_checked(collection, field)}')"


def _bound(value: Any) -> Any:
    """Return the value as json_extract gives it: a datetime, or a text that looks like one, is a map there."""
    text = to_text(value)
    return text if text.startswith("{") else value
