"""What somebody looks for in, documents page by page and numbers out: used by the pages and the JSON API alike."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from starlette.datastructures import QueryParams

from shared.errors import BadRequest
from shared.records.documents import ROW_FIELDS
from shared.records.letters import LETTER_ID
from shared.task.letter import LetterRow
from shared.task.schemas import State
from shared.wiring.ports import Filter, Row, Store

LETTER_FIELDS = tuple(LetterRow.model_fields)
TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# A count goes no further, so that what it costs does not grow: one read of Firestore, which bills a thousand as one.
COUNT_UP_TO = 1000
# States that want somebody, as the pages' tabs show them.
COUNTED = ("AWAITING_APPROVAL", "UNKNOWN", "FAILED")
_PLACES = {
    "tasks": re.compile(rf"tasks/{TASK_ID.pattern}"),
    "dead_letters": re.compile(rf"dead_letters/{LETTER_ID.pattern}"),
    "labels": re.compile(rf"labels/{TASK_ID.pattern}"),
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LIMIT = re.compile(r"[0-9]{1,3}")
MAX_PAGE = 200
ORDERS = ("newest", "oldest")
NAMES = ("state", "intent", "source", "since", "until")  # what `parse` reads


@dataclass(frozen=True, slots=True)
class Search:
    """Which tasks: all that are given must hold. `since` and `until` are of `created_at`, both inclusive."""

    state: str | None = None
    intent: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def only(query: QueryParams, *names: str) -> None:
    """Let a query pass that has no other names than these, each once.

    Raises:
        BadRequest: `bad_query`; `field` is the first name that is too much: whoever misspells one must not get a list
            that is not what they asked for.
    """
    seen = set[str]()
    for name, _ in query.multi_items():
        if name not in names:
            known = f"known here: {', '.join(names)}" if names else "nothing can be asked for here"
            raise BadRequest(f"{name[:64]} is unknown; {known}", code="bad_query", field=name[:64])
        if name in seen:
            raise BadRequest(f"{name} is given twice; give it once", code="bad_query", field=name)
        seen.add(name)


def parse(query: Mapping[str, str]) -> Search:
    """Return the search that a query string asks for; the other names that a route knows are not its business.

    Raises:
        BadRequest: `bad_query`; `field` names what cannot be searched for.
    """
    state = query.get("state")
    if state is not None and state not in get_args(State):
        raise BadRequest(f"state must be one of {', '.join(get_args(State))}", code="bad_query", field="state")
    for name in ("intent", "source"):
        if name in query and not _NAME.fullmatch(query[name]):
            raise BadRequest(f"{name} must be a name of letters, digits, - and _", code="bad_query", field=name)
    return Search(state, query.get("intent"), query.get("source"), moment(query, "since"), moment(query, "until"))


async def tasks(
    store: Store,
    search: Search,
    *,
    limit: int,
    after: Row | None = None,
    oldest_first: bool = False,
    fields: Sequence[str] = ROW_FIELDS,
) -> list[Row]:
    """Return rows of up to `limit` tasks by the time they came in, beginning after `after`."""
    equal = {"state": search.state, "intent": search.intent, "source": search.source}
    where = [Filter(name, "==", value) for name, value in equal.items() if value is not None]
    if search.since is not None:
        where.append(Filter("created_at", ">=", search.since))
    if search.until is not None:
        where.append(Filter("created_at", "<=", search.until))
    return await store.query_rows(
        "tasks", fields, where=where, order_by="created_at", descending=not oldest_first, limit=limit, after=after
    )


async def letters(store: Store, *, limit: int, after: Row | None = None, open_only: bool = False) -> list[Row]:
    """Return rows of up to `limit` dead letters, newest first; `open_only`: those that nobody has seen to."""
    where = [Filter("redriven_at", "==", None)] if open_only else []
    return await store.query_rows(
        "dead_letters", LETTER_FIELDS, where=where, order_by="created_at", descending=True, limit=limit, after=after
    )


async def counts(store: Store) -> dict[str, int]:
    """Return how many tasks are in each of `COUNTED`, and under `dead_letters` how many letters are open.

    `COUNT_UP_TO` means that many or more.
    """
    states = (store.count("tasks", where=[Filter("state", "==", state)], up_to=COUNT_UP_TO) for state in COUNTED)
    open_letters = store.count("dead_letters", where=[Filter("redriven_at", "==", None)], up_to=COUNT_UP_TO)
    return dict(zip((*COUNTED, "dead_letters"), await asyncio.gather(*states, open_letters), strict=True))


def limit(query: Mapping[str, str]) -> int:
    """Return how many rows a query asks for: 50 where it does not say.

    Raises:
        BadRequest: `bad_query`: it is no whole number from 1 to `MAX_PAGE`.
    """
    text = query.get("limit", "50")
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= MAX_PAGE:
        raise BadRequest(f"limit must be a whole number from 1 to {MAX_PAGE}", code="bad_query", field="limit")
    return int(text)


def is_oldest_first(query: Mapping[str, str]) -> bool:
    """Return whether a query asks for the oldest first.

    Raises:
        BadRequest: `bad_query`: there is no such order.
    """
    order = query.get("order", "newest")
    if order not in ORDERS:
        raise BadRequest(f"order must be one of {', '.join(ORDERS)}", code="bad_query", field="order")
    return order == "oldest"


def token(row: Row) -> str:
    """Return where a page ended, as an opaque text."""
    return base64.urlsafe_b64encode(f"{row.data['created_at'].isoformat()}|{row.path}".encode()).decode()


def place(query: Mapping[str, str], collection: Literal["tasks", "dead_letters", "labels"] = "tasks") -> Row | None:
    """Return the place that `page_token` names: the port needs the ordering value and the path, nothing more.

    Raises:
        BadRequest: `bad_query`: it is none of ours.
    """
    text = query.get("page_token")
    if text is None:
        return None
    try:
        moment, _, path = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not _PLACES[collection].fullmatch(path):
            raise ValueError
        at = at.astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error):
        raise BadRequest("page_token is not one of ours", code="bad_query", field="page_token") from None
    return Row(path, {"created_at": at}, "", at)


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """Return an ISO 8601 date or time, without a zone in UTC; a date alone is its beginning, or its end as `until`."""
    if name not in query:
        return None
    try:
        at = datetime.fromisoformat(query[name])
        if name == "until" and len(query[name]) == len("2026-01-31"):  # the whole of that day
            at += timedelta(days=1, microseconds=-1)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        why = f"{name} must be a time such as 2026-01-31 or 2026-01-31T09:00"
        raise BadRequest(why, code="bad_query", field=name) from None
