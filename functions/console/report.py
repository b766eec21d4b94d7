"""A span of days in, what became of its tickets and decisions out: as JSON, as a page, as a table for spreadsheets.

At most `MOST` tickets, `MOST` decisions and the tasks of these decisions are read, members of them alone, and once in
`LOOK_S` for everybody; of more than that the newest, and then the report says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console import figures
from functions.console.figures import LABEL_FIELDS, TASK_FIELDS, Members, Report
from functions.console.page import Page
from functions.console.spreadsheet import CSV, table
from shared.errors import BadRequest
from shared.records.documents import task_path
from shared.wiring.composition import Ports
from shared.wiring.lately import Lately
from shared.wiring.ports import Filter, Row, Store

NAMES = ("days", "format")
SPANS = (1, 7, 30, 90)  # that the page offers
MOST_DAYS = 90
MOST = 5_000
ROWS_AT_ONCE = 500
COUNT_UP_TO = 100_000  # a hundred reads
LOOK_S = 60.0
_DAYS = re.compile(r"[1-9][0-9]?")


async def respond(request: Request, ports: Ports) -> Response:
    """Answer `GET /api/report`.

    Raises:
        BadRequest: `bad_query`.
        StoreUnavailable: nothing is known.
    """
    kind = request.query_params.get("format", "json")
    if kind not in ("json", "csv"):
        raise BadRequest("format must be json or csv", code="bad_query", field="format")
    days = days_of(request.query_params)
    found = await latest(ports, days)
    if kind == "json":
        return JSONResponse(found.model_dump(mode="json"))
    name = f"switchyard-{found.until:%Y-%m-%d}-{days}d.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(table(found), media_type=CSV, headers=headers)


async def show(page: Page) -> Response:
    """The page of the same."""
    days = days_of(page.query)
    found = await latest(page.ports, days)
    return await page.render(
        "report.html", report=found, days=days, spans=SPANS, priced_as=figures.PRICED_AS, shown=[found]
    )


def days_of(query: Mapping[str, str]) -> int:
    """Return how many days a query asks for: 7 where it does not say.

    Raises:
        BadRequest: `bad_query`: it is no whole number from 1 to `MOST_DAYS`.
    """
    text = query.get("days", "7")
    if not _DAYS.fullmatch(text) or int(text) > MOST_DAYS:
        raise BadRequest(f"days must be a whole number from 1 to {MOST_DAYS}", code="bad_query", field="days")
    return int(text)


async def latest(ports: Ports, days: int) -> Report:
    """Return the report of the last `days` days, as of the last `LOOK_S` seconds."""
    known: Lately[Report] = ports.lately["report", str(days)]
    return await known.value(lambda: look(ports, days), LOOK_S)


async def look(ports: Ports, days: int, most: int = MOST) -> Report:
    """Read at most so many tickets and so many decisions, the newest, and return the report of the last `days` days.

    Raises:
        StoreUnavailable: nothing is known.
    """
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    store = ports.store
    tickets, labels = await asyncio.gather(
        _newest(store, "tasks", TASK_FIELDS, "created_at", since, most),
        _newest(store, "labels", LABEL_FIELDS, "at", since, most),
    )
    tasks = {row.id: row.data for row in tickets if _is_whole(row, TASK_FIELDS)}
    whole = {row.id: row.data for row in labels if _is_whole(row, LABEL_FIELDS)}
    unreadable = len(tickets) - len(tasks) + len(labels) - len(whole)
    notes = [
        *await _cut(store, "tasks", "tickets", "created_at", since, most, tickets),
        *await _cut(store, "labels", "decisions", "at", since, most, labels),
        *([f"Documents that lack what every one has are in no number: {unreadable:,}"] if unreadable else []),
    ]
    if days > ports.settings.retention_days:
        notes.append(f"Tasks that ended over {ports.settings.retention_days} days ago are removed, and in no number")
    decided = tasks | await _others(store, [name for name in whole if name not in tasks])
    return figures.report(list(tasks.values()), whole, decided, since=since, until=until, notes=notes)


async def _newest(
    store: Store, collection: str, fields: Sequence[str], order_by: str, since: datetime, most: int
) -> list[Row]:
    found: list[Row] = []
    where = [Filter(order_by, ">=", since)]
    while len(found) < most:
        rows = await store.query_rows(
            collection,
            fields,
            where=where,
            order_by=order_by,
            descending=True,
            limit=min(ROWS_AT_ONCE, most - len(found)),
            after=found[-1] if found else None,
        )
        found += rows
        if len(rows) < ROWS_AT_ONCE:
            break
    return found


async def _others(store: Store, ids: Sequence[str]) -> dict[str, Members]:
    """Return the tasks of these ids that are kept still: they came in before, and were decided now."""
    found: dict[str, Members] = {}
    for begin in range(0, len(ids), ROWS_AT_ONCE):
        rows = await store.read_rows(TASK_FIELDS, *map(task_path, ids[begin : begin + ROWS_AT_ONCE]))
        found |= {row.id: row.data for row in rows if _is_whole(row, TASK_FIELDS)}
    return found


async def _cut(
    store: Store, collection: str, what: str, order_by: str, since: datetime, most: int, found: Sequence[Row]
) -> list[str]:
    """Return what to say where there are more than were read."""
    if len(found) < most:
        return []
    count = await store.count(collection, where=[Filter(order_by, ">=", since)], up_to=COUNT_UP_TO)
    more = "+" if count >= COUNT_UP_TO else ""
    if count <= most:
        return []
    oldest = found[-1].data[order_by]
    begin = f"from {oldest:%Y-%m-%d %H:%M} UTC on"  # days before that look empty
    return [f"The newest {most:,} of {count:,}{more} {what}, {begin}: all numbers of {what} are of these"]


def _is_whole(row: Row, fields: Sequence[str]) -> bool:
    return all(name in row.data for name in fields)
