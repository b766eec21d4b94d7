"""What somebody looks for in, tasks page by page out: by an index as far as there is one, by looking at rows beyond.

Never more than `MOST_LOOKED_AT` rows for a page, whatever is asked for: whoever wants more goes on from where it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from functions.console import search
from functions.console.search import Order, Search
from shared.currency import DECIMALS
from shared.errors import BadRequest
from shared.gate.policy import money_of
from shared.intent.registry import Registry
from shared.task.search_keys import AROUND, fold
from shared.wiring.ports import Row, Store

MOST_LOOKED_AT = 300


@dataclass(frozen=True, slots=True)
class Found:
    """One page: `more` is where it ended, None where there is nothing more; `looked_at` is how many rows were read."""

    rows: list[Row]
    more: Row | None
    looked_at: int


async def find(
    store: Store, registry: Registry, wanted: Search, *, limit: int, after: Row | None = None, order: Order = "newest"
) -> Found:
    """Return up to `limit` tasks that are wanted, beginning after `after`.

    `urgent`: those of the highest priority first, among these the oldest, which expire first.

    Raises:
        BadRequest: `bad_query`: `urgent` of no state.
        StoreUnavailable: nothing was read.
    """
    if order == "urgent" and wanted.state is None:
        raise BadRequest("only tasks of one state have an order of urgency", code="bad_query", field="order")
    if order != "urgent":
        return await _find(store, registry, wanted, limit, after, order)
    rows, looked_at, more = list[Row](), 0, None
    begin = after.data.get("priority", 1) if after else search.PRIORITIES[0]
    for priority in search.PRIORITIES:
        if priority > begin:
            continue
        of_these = replace(wanted, priority=priority)
        found = await _find(store, registry, of_these, limit - len(rows), after, "oldest", MOST_LOOKED_AT - looked_at)
        rows, looked_at, more, after = rows + found.rows, looked_at + found.looked_at, found.more, None
        if more is not None:
            break
    return Found(rows, more, looked_at)


async def _find(
    store: Store,
    registry: Registry,
    wanted: Search,
    limit: int,
    after: Row | None,
    order: Order,
    most: int = MOST_LOOKED_AT,
) -> Found:
    rows, looked_at, size = list[Row](), 0, limit
    if wanted.is_looked_through:
        size = min(max(limit, 100), most)
    while looked_at < max(most, limit):
        found = await search.tasks(store, wanted, limit=size, after=after, oldest_first=order == "oldest")
        for row in found:
            looked_at, after = looked_at + 1, row
            if "state" in row.data and fits(row, wanted, registry):
                rows.append(row)
            if len(rows) == limit:
                return Found(rows, after, looked_at)
        if len(found) < size:
            return Found(rows, None, looked_at)
    return Found(rows, after, looked_at)


def fits(row: Row, wanted: Search, registry: Registry) -> bool:
    """Whether a task is what somebody looks for, beyond what an index has answered."""
    if wanted.words and not _says(row, wanted.words):
        return False
    if wanted.requester and wanted.requester.casefold() not in _asks(row).casefold():
        return False
    if wanted.assignee and wanted.assignee.casefold() not in str(row.data.get("assignee") or "").casefold():
        return False
    if wanted.least is None and wanted.most is None:
        return True
    amount = amount_of(row, registry)
    if amount is None:
        return False
    return (wanted.least is None or amount >= wanted.least) and (wanted.most is None or amount <= wanted.most)


def amount_of(row: Row, registry: Registry) -> Decimal | None:
    """Return the money that a task moves, in its currency's own units."""
    intent = registry.get(row.data["intent"])
    money = money_of(intent, row.data["parameters"] or row.data["classification"]["parameters"]) if intent else None
    return Decimal(money.minor).scaleb(-DECIMALS.get(money.currency, 2)) if money else None


def _says(row: Row, words: Sequence[str]) -> bool:
    """Whether all words stand in what a list shows of a task, in any case and as parts of longer ones."""
    ticket, parameters = (
        row.data.get("ticket") or {},
        row.data["parameters"] or row.data["classification"]["parameters"],
    )
    texts = (row.id, _asks(row), *ticket.values(), *parameters.values())
    told = fold("\n".join(map(str, texts)))
    return all(fold(word).strip(AROUND) in told for word in words)


def _asks(row: Row) -> str:
    known = row.data.get("requester") or {}
    return " ".join(str(known.get(name) or "") for name in ("email", "id", "name"))
