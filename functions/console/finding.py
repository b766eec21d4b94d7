"""What somebody looks for in, tasks page by page out: by an index as far as there is one, by looking at rows beyond.

Never more than `MOST_LOOKED_AT` rows for a page, whatever is asked for: whoever wants more goes on from where it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from functions.console import search
from functions.console.search import Order, Search
from shared.errors import BadRequest
from shared.gate.amount import amount_of
from shared.intent.registry import Registry
from shared.records.documents import ROW_FIELDS, task_path
from shared.task.search_keys import Term, fold, terms
from shared.wiring.ports import Filter, Row, Store

MOST_LOOKED_AT = 300
ROWS_AT_ONCE = 100
KEYS = "keys"  # the member of a task that holds what it is found by; rows do not show it
MIN_ID_CHARS = 6  # of the beginning of an id
MOST_OF_ONE_ID = 20  # tasks whose ids begin alike


@dataclass(frozen=True, slots=True)
class Found:
    """One page: `more` is where it ended, None where there is nothing more; `looked_at` is how many rows were read."""

    rows: list[Row]
    more: Row | None
    looked_at: int


@dataclass(frozen=True, slots=True)
class _Way:
    """How one list of tasks is gone through: what an index answers, and what every row is looked at for."""

    store: Store
    registry: Registry
    wanted: Search
    key: str  # that all have; empty: no index knows the words
    terms: Sequence[Term]  # that every row must say

    @property
    def is_looked_through(self) -> bool:
        wanted = self.wanted
        parts = [name for name in search.people(wanted).values() if not name.whole]
        more = (wanted.closed, wanted.least, wanted.most)
        return bool(self.terms or wanted.requester or parts) or more != (None, None, None)


async def find(
    store: Store, registry: Registry, wanted: Search, *, limit: int, after: Row | None = None, order: Order = "newest"
) -> Found:
    """Return up to `limit` tasks that are wanted, beginning after `after`.

    `urgent`: those of the highest priority first, among these the oldest, which expire first. `amount`: those that move
    most first.

    Raises:
        BadRequest: `bad_query`: `urgent` or `amount` of no state.
        StoreUnavailable: nothing was read.
    """
    if order in ("urgent", "amount") and wanted.state is None:
        why = f"order {order} is of one state's tasks; say which state"
        raise BadRequest(why, code="bad_query", field="order")
    asked = terms(wanted.words)
    key, rest = ("", asked) if order == "amount" else await _best_key(store, asked)
    way = _Way(store, registry, wanted, key, rest)
    found = await (_by_urgency(way, limit, after) if order == "urgent" else _page(way, limit, after, order))
    if found.rows or after is not None or len(wanted.words) != 1:
        return found
    rows = await _by_id(way, wanted.words[0])
    return Found(rows, None if rows else found.more, found.looked_at)


async def _best_key(store: Store, asked: Sequence[Term]) -> tuple[str, Sequence[Term]]:
    """Return the key that fewest tasks have, and what is still to be looked for in these; no key where a term has none.

    Costs one or two counts for each term, which stop at a thousand.
    """
    counted: list[tuple[int, str, Term]] = []
    for term in asked:
        for key in term.keys:
            number = await store.count("tasks", where=[Filter(KEYS, "contains", key)], up_to=search.COUNT_UP_TO)
            if number:
                counted.append((number, key, term))
                break
        else:
            return "", asked
    if not counted:
        return "", asked
    _, key, term = min(counted, key=lambda one: (one[0], -len(one[1])))
    whole = key == term.text or "/" in key  # what only begins so is looked at
    return key, [t for t in asked if not (whole and t is term)]


async def _by_urgency(way: _Way, limit: int, after: Row | None) -> Found:
    rows, looked_at, more = list[Row](), 0, None
    begin = after.data.get("priority", 1) if after else search.PRIORITIES[0]
    for priority in search.PRIORITIES:
        if priority > begin:
            continue
        of_these = replace(way, wanted=replace(way.wanted, priority=priority))
        found = await _page(of_these, limit - len(rows), after, "oldest", MOST_LOOKED_AT - looked_at)
        rows, looked_at, more, after = rows + found.rows, looked_at + found.looked_at, found.more, None
        if more is not None:
            break
    return Found(rows, more, looked_at)


async def _page(way: _Way, limit: int, after: Row | None, order: Order, most: int = MOST_LOOKED_AT) -> Found:
    rows, looked_at = list[Row](), 0
    size = ROWS_AT_ONCE if way.is_looked_through or order == "amount" else limit
    while looked_at < max(most, limit):
        found = await _rows(way, size, after, order)
        for row in found:
            looked_at, after = looked_at + 1, row
            if "state" in row.data and _fits(row, way) and (order != "amount" or search.holds(row, way.wanted)):
                rows.append(_shown(row))
            if len(rows) == limit:
                return Found(rows, after, looked_at)
        if len(found) < size:
            return Found(rows, None, looked_at)
    return Found(rows, after, looked_at)


async def _rows(way: _Way, limit: int, after: Row | None, order: Order) -> list[Row]:
    also = [Filter(KEYS, "contains", way.key)] if way.key else []
    fields = (*ROW_FIELDS, KEYS) if way.terms else ROW_FIELDS
    if order == "amount":
        return await search.by_amount(way.store, way.wanted, limit=limit, after=after, fields=fields)
    oldest_first = order == "oldest"
    return await search.tasks(
        way.store, way.wanted, also=also, limit=limit, after=after, oldest_first=oldest_first, fields=fields
    )


async def _by_id(way: _Way, text: str) -> list[Row]:
    """Return tasks by their id or its beginning, also those of before there were keys."""
    for begin in dict.fromkeys((text, text.lower())):
        if not search.TASK_ID.fullmatch(begin):
            continue
        found = await way.store.read_rows(ROW_FIELDS, task_path(begin))
        if len(begin) >= MIN_ID_CHARS:
            place = Row(task_path(begin), {}, "", search.EVER)
            found += await way.store.query_rows("tasks", ROW_FIELDS, limit=MOST_OF_ONE_ID, after=place)
        here = replace(way, terms=())
        rows = [r for r in found if r.id.startswith(begin) and "state" in r.data]
        if rows := [r for r in rows if search.holds(r, way.wanted) and _fits(r, here)]:
            return rows
    return []


def _shown(row: Row) -> Row:
    return row._replace(data={name: value for name, value in row.data.items() if name != KEYS})


def _fits(row: Row, way: _Way) -> bool:
    """Whether a task is what somebody looks for, beyond what an index has answered."""
    wanted = way.wanted
    if way.terms and not _says(row, way.terms):
        return False
    if wanted.requester and fold(wanted.requester) not in fold(_asks(row)):
        return False
    for member, name in search.people(wanted).items():
        if not name.whole and fold(name.text) not in fold(str(search.member_of(row.data, member) or "")):
            return False
    if wanted.closed is not None and wanted.closed != bool(row.data.get("closed_at")):
        return False
    if wanted.least is None and wanted.most is None:
        return True
    amount = amount_of(row.data["intent"], _parameters(row), way.registry)
    if amount is None:
        return False
    return (wanted.least is None or amount >= wanted.least) and (wanted.most is None or amount <= wanted.most)


def _says(row: Row, asked: Sequence[Term]) -> bool:
    """Whether all terms stand in what is known of a task, in any case and as parts of longer words."""
    ticket = row.data.get("ticket") or {}
    texts = (row.id, _asks(row), *ticket.values(), *_parameters(row).values(), *row.data.get(KEYS, ()))
    told = fold("\n".join(map(str, texts)))
    return all(term.text in told for term in asked)


def _parameters(row: Row) -> dict[str, object]:
    drafted = (row.data.get("review") or {}).get("draft")
    found: dict[str, object] = row.data["parameters"] or drafted or row.data["classification"]["parameters"]
    return found


def _asks(row: Row) -> str:
    known = row.data.get("requester") or {}
    return " ".join(str(known.get(name) or "") for name in ("email", "id", "name"))
