"""What somebody looks for in, documents page by page and numbers out: used by the pages and the JSON API alike."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

from starlette.datastructures import QueryParams

from shared.errors import BadRequest
from shared.records.documents import ROW_FIELDS
from shared.task.schemas import State
from shared.task.search_keys import terms
from shared.wiring.ports import Filter, Row, Store

TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# A count goes no further, so that what it costs does not grow: one read of Firestore, which bills a thousand as one.
COUNT_UP_TO = 1000
EVER = datetime(1970, 1, 1, tzinfo=UTC)
CLOSED_UP_TO = 10_000  # FAILED tasks that people have closed and that are kept still
# States that want somebody, as the pages' tabs show them.
COUNTED = ("AWAITING_APPROVAL", "UNKNOWN", "FAILED")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AGE = re.compile(r"([0-9]{1,4})\s*(min|h|d)", re.IGNORECASE)
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?")
MAX_WORDS = 8
MAX_NAME_CHARS = 254
_LIMIT = re.compile(r"[0-9]{1,3}")
MAX_PAGE = 200
Order = Literal["newest", "oldest", "urgent", "amount"]
ORDERS: tuple[Order, ...] = get_args(Order)
PRIORITIES = (5, 4, 3, 2, 1)  # the most urgent first
# What `parse` reads.
NAMES = (
    *("q", "state", "intent", "source", "requester", "assignee", "decided_by"),
    *("closed", "min", "max", "older", "since", "until"),
)
ME = "me"  # whoever asks, as a name


@dataclass(frozen=True, slots=True)
class Name:
    """Whose: a part of their address, in any case; or, `whole`, just this one, which an index knows."""

    text: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """Which tasks: all that are given must hold. `since` and `until` are of `created_at`, both inclusive.

    `words` are those of the ticket, of its ids and of who asks; `least` and `most` amounts of money in the currency's
    own units, such as 25 dollars. `closed`: only FAILED tasks that somebody closed, or none of these.
    """

    state: str | None = None
    intent: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    priority: int | None = None
    words: tuple[str, ...] = ()
    requester: str | None = None
    assignee: Name | None = None
    decided_by: Name | None = None
    closed: bool | None = None
    least: Decimal | None = None
    most: Decimal | None = None


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


def parse(query: Mapping[str, str], me: str) -> Search:
    """Return the search that a query string of `me` asks for; other names that a route knows are not its business.

    Raises:
        BadRequest: `bad_query`; `field` names what cannot be searched for.
    """
    state = query.get("state")
    if state is not None and state not in get_args(State):
        raise BadRequest(f"state must be one of {', '.join(get_args(State))}", code="bad_query", field="state")
    for name in ("intent", "source"):
        if name in query and not _NAME.fullmatch(query[name]):
            raise BadRequest(f"{name} must be a name of letters, digits, - and _", code="bad_query", field=name)
    return Search(
        state,
        query.get("intent"),
        query.get("source"),
        moment(query, "since"),
        _until(query),
        words=words(query.get("q", "")),
        requester=_name(query, "requester"),
        assignee=_person(query, "assignee", me),
        decided_by=_person(query, "decided_by", me),
        closed=_yes(query, "closed"),
        least=_amount(query, "min"),
        most=_amount(query, "max"),
    )


async def tasks(
    store: Store,
    search: Search,
    *,
    limit: int,
    after: Row | None = None,
    oldest_first: bool = False,
    fields: Sequence[str] = ROW_FIELDS,
    also: Sequence[Filter] = (),
) -> list[Row]:
    """Return rows of up to `limit` tasks by the time they came in, beginning after `after`: what an index answers."""
    where = [*also, *(Filter(name, "==", value) for name, value in _equal(search).items())]
    if search.since is not None:
        where.append(Filter("created_at", ">=", search.since))
    if search.until is not None:
        where.append(Filter("created_at", "<=", search.until))
    return await store.query_rows(
        "tasks", fields, where=where, order_by="created_at", descending=not oldest_first, limit=limit, after=after
    )


async def by_amount(store: Store, search: Search, *, limit: int, after: Row | None, fields: Sequence[str]) -> list[Row]:
    """Return rows of tasks of a state, those that move most first and those that move nothing last, beginning after
    `after`: whatever else is searched for, they are to be looked at for it.
    """
    where = [Filter("state", "==", search.state)]
    where += [Filter("amount", ">=", float(search.least))] if search.least is not None else []
    where += [Filter("amount", "<=", float(search.most))] if search.most is not None else []
    place = after and after._replace(data={"amount": None, **after.data})
    return await store.query_rows(
        "tasks", fields, where=where, order_by="amount", descending=True, limit=limit, after=place
    )


def holds(row: Row, search: Search) -> bool:
    """Whether a task is one that `tasks` would find."""
    at = row.data["created_at"]
    is_equal = all(member_of(row.data, name) == value for name, value in _equal(search).items())
    return is_equal and (search.since or at) <= at <= (search.until or at)


def _equal(search: Search) -> dict[str, Any]:
    wanted = {name: getattr(search, name) for name in ("state", "priority", "intent", "source")}
    wanted |= {name: person.text for name, person in people(search).items() if person.whole}
    return {name: value for name, value in wanted.items() if value is not None}


def people(search: Search) -> dict[str, Name]:
    """Return whose tasks are asked for, by the member of a task's document that says so."""
    asked = {"assignee": search.assignee, "approval.by": search.decided_by}
    return {member: name for member, name in asked.items() if name is not None}


def member_of(data: Mapping[str, Any], name: str) -> Any:
    """Return a member of a document, such as `approval.by`; None where it has none."""
    found: Any = data
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


async def counts(store: Store) -> dict[str, int]:
    """Return how many tasks are in each of `COUNTED`, and under `dead_letters` how many letters are open.

    FAILED are those that nobody has closed. `COUNT_UP_TO` means that many or more.
    """
    closed = await store.count("tasks", where=[Filter("closed_at", ">=", EVER)], up_to=CLOSED_UP_TO)
    # Records of earlier versions do not say that they are open: what is closed is taken off all.
    beside = {"FAILED": closed}
    numbers = await asyncio.gather(
        *(
            store.count("tasks", where=[Filter("state", "==", state)], up_to=COUNT_UP_TO + beside.get(state, 0))
            for state in COUNTED
        ),
        store.count("dead_letters", where=[Filter("redriven_at", "==", None)], up_to=COUNT_UP_TO),
    )
    found = dict(zip((*COUNTED, "dead_letters"), numbers, strict=True))
    return found | {"FAILED": max(0, found["FAILED"] - closed)}


def limit(query: Mapping[str, str]) -> int:
    """Return how many rows a query asks for: 50 where it does not say.

    Raises:
        BadRequest: `bad_query`: it is no whole number from 1 to `MAX_PAGE`.
    """
    text = query.get("limit", "50")
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= MAX_PAGE:
        raise BadRequest(f"limit must be a whole number from 1 to {MAX_PAGE}", code="bad_query", field="limit")
    return int(text)


def order_of(query: Mapping[str, str], *orders: Order, default: Order = "newest") -> Order:
    """Return in which order a query asks for what it finds.

    Raises:
        BadRequest: `bad_query`: there is no such order.
    """
    order = query.get("order", default)
    found = next((known for known in orders or ORDERS if known == order), None)
    if found is None:
        raise BadRequest(f"order must be one of {', '.join(orders or ORDERS)}", code="bad_query", field="order")
    return found


def orders(search: Search) -> tuple[Order, ...]:
    """Return in which orders there is what is searched for: urgency and amount are of one state's tasks."""
    if search.state is None:
        return ("newest", "oldest")
    return ORDERS if search.state == "AWAITING_APPROVAL" else ("newest", "oldest", "amount")


def is_oldest_first(query: Mapping[str, str]) -> bool:
    """Return whether a query asks for the oldest first, of what has no urgency."""
    return order_of(query, "newest", "oldest") == "oldest"


def words(text: str) -> tuple[str, ...]:
    """Return the words of what somebody typed to find a task.

    Raises:
        BadRequest: `bad_query`: signs alone, which no task can be found by; all of them would be shown instead.
    """
    found = tuple(text.split()[:MAX_WORDS])
    if found and not terms(found):
        raise BadRequest("q must have a letter or a digit in its first words", code="bad_query", field="q")
    return found


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


def _until(query: Mapping[str, str]) -> datetime | None:
    """Return until when tasks came in that are asked for: `until`, or `older` than so long, whichever is earlier."""
    found = moment(query, "until")
    if "older" not in query:
        return found
    age = _AGE.fullmatch(query["older"].strip())
    if age is None:
        raise BadRequest("older must be an age such as 30min, 2h or 3d", code="bad_query", field="older")
    before = datetime.now(UTC) - timedelta(**{_UNITS[age[2].lower()]: int(age[1])})
    return min(found, before) if found else before


def _name(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is not None and (not text.strip() or len(text) > MAX_NAME_CHARS):
        raise BadRequest(f"{name} must be an address or a part of one", code="bad_query", field=name)
    return text.strip() if text else None


def _person(query: Mapping[str, str], name: str, me: str) -> Name | None:
    text = _name(query, name)
    return Name(me, whole=True) if text == ME else Name(text) if text else None


def _yes(query: Mapping[str, str], name: str) -> bool | None:
    text = query.get(name)
    if text not in (None, "yes", "no"):
        raise BadRequest(f"{name} must be yes or no", code="bad_query", field=name)
    return None if text is None else text == "yes"


def _amount(query: Mapping[str, str], name: str) -> Decimal | None:
    text = query.get(name)
    if text is not None and not _AMOUNT.fullmatch(text.strip()):
        raise BadRequest(f"{name} must be an amount such as 25 or 25.00", code="bad_query", field=name)
    return Decimal(text.strip()) if text else None
