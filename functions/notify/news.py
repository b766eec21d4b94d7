"""The store in; what people may want to hear of, by kind, out: ids, codes and times, never a word of anybody else.

People edit approvals and handlers choose codes, so whatever does not look like ours is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.canonical import sha256_hex
from shared.task.approval import is_open
from shared.wiring.ports import Filter, Row, Store

Kind = Literal[
    "breaker",
    "expiring",
    "unknown",
    "failed",
    "taken_back",
    "dead_letter",
    "paused",
    "still_unknown",
    "still_open",
]

MOST = 500
APPROVAL_FIELDS = ("requested_at", "expires_at", "status", "outcome", "intent", "reasons")
MOST_NOTES = 50  # the source's own words are in each
NOTE_FIELDS = ("noted_at", "intent", "followups")
TASK_FIELDS = ("updated_at", "intent", "error")
BREAKER_FIELDS = ("at", "open", "cause")
LETTER_FIELDS = ("created_at", "task_id", "reason", "outcome", "subscription")
MAX_CODES = 4
NAMELESS = "unclassified"
_TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_INTENT = re.compile(r"[a-z][a-z0-9_]{1,39}")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to tell. `at` is when it became news; `document` is the id of the document that tells of it."""

    kind: Kind
    document: str
    task_id: str
    intent: str
    at: datetime
    codes: tuple[str, ...] = ()
    expires_at: datetime | None = None

    @property
    def key(self) -> str:
        """A short hash of what happened: the same task may fail again later."""
        return sha256_hex(f"{self.kind} {self.document} {self.at.isoformat()}".encode())[:12]


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found of a kind. Where there may be more behind the last item that was read, it is the `edge`."""

    kind: Kind
    items: list[Item] = field(default_factory=list)
    edge: Item | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """An approval is about to expire when less than `share` of its time, and at most `most`, is left."""

    share: float
    most: timedelta

    def crossed_at(self, requested_at: datetime, expires_at: datetime) -> datetime:
        """Return the moment from which the approval is about to expire."""
        return expires_at - min((expires_at - requested_at) * self.share, self.most)


async def paused(store: Store, since: datetime) -> Found:
    """Return the approvals that were asked for since then and that nobody has decided."""
    rows, full = await _newest(store, "approvals", APPROVAL_FIELDS, "requested_at", since)
    return _found("paused", [_paused(r) for r in rows], full)


async def ended(store: Store, state: Literal["UNKNOWN", "FAILED"], since: datetime) -> Found:
    """Return the tasks that entered this state since then and are in it."""
    kind: Kind = "unknown" if state == "UNKNOWN" else "failed"
    where = [Filter("state", "==", state)]
    rows, full = await _newest(store, "tasks", TASK_FIELDS, "updated_at", since, where)
    return _found(kind, [_ended(kind, r) for r in rows], full)


async def breakers(store: Store, since: datetime) -> Found:
    """Return the breakers that opened since then and are open."""
    rows, full = await _newest(store, "breakers", BREAKER_FIELDS, "at", since)
    return _found("breaker", [_tripped(r) for r in rows], full)


async def taken_back(store: Store, since: datetime) -> Found:
    """Return the tasks whose words were edited or deleted since then, after an effect on money or goods."""
    rows, full = await _newest(store, "tasks", NOTE_FIELDS, "noted_at", since, most=MOST_NOTES)
    return _found("taken_back", [_noted(r) for r in rows], full)


async def dead_letters(store: Store, since: datetime) -> Found:
    """Return the messages that were given up since then."""
    rows, full = await _newest(store, "dead_letters", LETTER_FIELDS, "created_at", since)
    return _found("dead_letter", [_letter(r) for r in rows], full)


async def expiring(store: Store, threshold: Threshold, now: datetime) -> Found:
    """Return the oldest open approvals that are about to expire."""
    where = [Filter("outcome", "==", None)]
    rows = await store.query_rows("approvals", APPROVAL_FIELDS, where=where, order_by="requested_at", limit=MOST)
    items = [_expiring(r, threshold, now) for r in rows]
    # Those that were asked for after one that has time left have time left, too.
    return _found("expiring", items, full=len(items) == MOST and items[-1] is not None)


async def still_unknown(store: Store, until: datetime) -> Found:
    """Return the tasks that have been UNKNOWN since then, or for longer."""
    where = [Filter("state", "==", "UNKNOWN"), Filter("updated_at", "<=", until)]
    rows = await store.query_rows("tasks", TASK_FIELDS, where=where, order_by="updated_at", descending=True, limit=MOST)
    return _found("still_unknown", [_ended("still_unknown", row) for row in rows], len(rows) == MOST)


async def still_open(store: Store, until: datetime) -> Found:
    """Return the messages that were given up by then and that nobody has seen to."""
    where = [Filter("redriven_at", "==", None), Filter("created_at", "<=", until)]
    rows = await store.query_rows(
        "dead_letters", LETTER_FIELDS, where=where, order_by="created_at", descending=True, limit=MOST
    )
    return _found("still_open", [_letter(row, "still_open") for row in rows], len(rows) == MOST)


async def _newest(
    store: Store,
    collection: str,
    fields: Sequence[str],
    time: str,
    since: datetime,
    where: Sequence[Filter] = (),
    most: int = MOST,
) -> tuple[list[Row], bool]:
    """Return rows of what has a `time` not before `since`, newest first; and whether `most` were too few."""
    recent = [*where, Filter(time, ">=", since)]
    found = await store.query_rows(collection, fields, where=recent, order_by=time, descending=True, limit=most)
    return found, len(found) == most


def _found(kind: Kind, looked_at: Sequence[Item | None], full: bool) -> Found:
    items = [item for item in looked_at if item is not None]
    return Found(kind, items, items[-1] if items and full else None)


def _paused(row: Row) -> Item | None:
    data = row.data
    at = _time(data, "requested_at")
    if at is None or not is_open(data) or not _TASK_ID.fullmatch(row.id):
        return None
    expires_at = _time(data, "expires_at")
    return Item("paused", row.id, row.id, _intent(data), at, _codes(data.get("reasons")), expires_at)


def _expiring(row: Row, threshold: Threshold, now: datetime) -> Item | None:
    data = row.data
    requested_at, expires_at = _time(data, "requested_at"), _time(data, "expires_at")
    if requested_at is None or expires_at is None or not is_open(data) or not _TASK_ID.fullmatch(row.id):
        return None
    at = threshold.crossed_at(requested_at, expires_at)
    if not at <= now < expires_at:
        return None
    return Item("expiring", row.id, row.id, _intent(data), at, _codes(data.get("reasons")), expires_at)


def _ended(kind: Kind, row: Row) -> Item | None:
    data = row.data
    at, error = _time(data, "updated_at"), data.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return None if at is None else Item(kind, row.id, row.id, _intent(data), at, _codes([code]))


def _tripped(row: Row) -> Item | None:
    at = _time(row.data, "at")
    if at is None or row.data.get("open") is not True or not _INTENT.fullmatch(row.id):
        return None
    return Item("breaker", row.id, "", row.id, at, _codes([row.data.get("cause")]))


def _noted(row: Row) -> Item | None:
    data = row.data
    at, followups = _time(data, "noted_at"), data.get("followups")
    last = followups[-1] if isinstance(followups, list) and followups else None
    codes = _codes([last.get("kind") if isinstance(last, dict) else None])
    return None if at is None else Item("taken_back", row.id, row.id, _intent(data), at, codes)


def _letter(row: Row, kind: Kind = "dead_letter") -> Item | None:
    data = row.data
    at, task_id = _time(data, "created_at"), data.get("task_id")
    known = task_id if isinstance(task_id, str) and _TASK_ID.fullmatch(task_id) else ""
    codes = _codes([data.get("reason"), data.get("outcome")])
    return None if at is None else Item(kind, row.id, known, _lane(data.get("subscription")), at, codes)


def _time(data: Mapping[str, Any], name: str) -> datetime | None:
    value = data.get(name)
    return value if isinstance(value, datetime) else None


def _intent(data: Mapping[str, Any]) -> str:
    value = data.get("intent")
    return value if isinstance(value, str) and _INTENT.fullmatch(value) else NAMELESS


def _lane(subscription: Any) -> str:
    """Return the intent on whose subscription a message died; those of the other steps have none."""
    name = subscription.rpartition("intent-")[2].replace("-", "_") if isinstance(subscription, str) else ""
    return name if "intent-" in str(subscription) and _INTENT.fullmatch(name) else NAMELESS


def _codes(reasons: Any) -> tuple[str, ...]:
    """Return the codes of reasons (`code: words`), each once."""
    texts = [r.partition(":")[0] for r in reasons if isinstance(r, str)] if isinstance(reasons, list) else []
    return tuple(dict.fromkeys(t for t in texts if _CODE.fullmatch(t)))[:MAX_CODES]
