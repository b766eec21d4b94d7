"""Where a page of a list ended, out as an opaque text, and in again as the place that the next one begins after."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from functions.console.search import PRIORITIES, TASK_ID
from shared.errors import BadRequest
from shared.records.letters import LETTER_ID
from shared.wiring.ports import Row

_PLACES = {
    "tasks": re.compile(rf"tasks/{TASK_ID.pattern}"),
    "dead_letters": re.compile(rf"dead_letters/{LETTER_ID.pattern}"),
    "labels": re.compile(rf"labels/{TASK_ID.pattern}"),
}
# What lists are ordered by besides the time: a priority, and an amount, which may be none.
_MORE = re.compile(
    rf"(?P<priority>[{PRIORITIES[-1]}-{PRIORITIES[0]}]?)(?:\|(?P<amount>none|-?[0-9]{{1,19}}(?:\.[0-9]{{1,3}})?))?"
)


def token(row: Row) -> str:
    """Return where a page ended, as an opaque text."""
    parts = [row.data["created_at"].isoformat(), row.path, str(row.data.get("priority", ""))]
    if "amount" in row.data:
        parts.append("none" if row.data["amount"] is None else f"{Decimal(str(row.data['amount'])):f}")
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode()


def place(query: Mapping[str, str], collection: Literal["tasks", "dead_letters", "labels"] = "tasks") -> Row | None:
    """Return the place that `page_token` names: the port needs the ordering value and the path, nothing more.

    Raises:
        BadRequest: `bad_query`: it is none of ours.
    """
    text = query.get("page_token")
    if text is None:
        return None
    try:
        moment, path, *rest = base64.urlsafe_b64decode(text.encode()).decode().split("|", 2)
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not _PLACES[collection].fullmatch(path) or not (more := _MORE.fullmatch("".join(rest))):
            raise ValueError
        at = at.astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error):
        raise BadRequest("page_token is not one of ours", code="bad_query", field="page_token") from None
    found: dict[str, Any] = {"created_at": at}
    if more["priority"]:
        found["priority"] = int(more["priority"])
    if more["amount"]:
        found["amount"] = None if more["amount"] == "none" else float(more["amount"])
    return Row(path, found, "", at)
