"""Where a page of a list ended, out as an opaque text, and in again as the place that the next one begins after."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from functions.console.search import PRIORITIES, TASK_ID
from shared.errors import BadRequest
from shared.records.letters import LETTER_ID
from shared.wiring.ports import Row

_PLACES = {
    "tasks": re.compile(rf"tasks/{TASK_ID.pattern}"),
    "dead_letters": re.compile(rf"dead_letters/{LETTER_ID.pattern}"),
    "labels": re.compile(rf"labels/{TASK_ID.pattern}"),
}
_IN_TOKEN = ([], [""], *([str(priority)] for priority in PRIORITIES))


def token(row: Row) -> str:
    """Return where a page ended, as an opaque text."""
    parts = (row.data["created_at"].isoformat(), row.path, str(row.data.get("priority", "")))
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
        moment, path, *more = base64.urlsafe_b64decode(text.encode()).decode().split("|")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not _PLACES[collection].fullmatch(path) or more not in _IN_TOKEN:
            raise ValueError
        at = at.astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error):
        raise BadRequest("page_token is not one of ours", code="bad_query", field="page_token") from None
    return Row(path, {"created_at": at} | ({"priority": int(more[0])} if any(more) else {}), "", at)
