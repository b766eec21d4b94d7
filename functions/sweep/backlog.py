"""Open approvals in; how many people have not decided, and how long the oldest has waited, out: for log and alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.wiring.ports import Filter, Store

# Once a minute; beyond this many nobody needs the exact number.
MOST_COUNTED = 200


async def backlog(store: Store) -> dict[str, Any]:
    """Return fields of a log line: `approvals_waiting`, and the age of the oldest in seconds, 0 where none waits.

    Raises:
        StoreUnavailable: the next sweep counts again.
    """
    open_ones = [Filter("outcome", "==", None)]
    waiting = await store.query_rows(
        "approvals", ("requested_at",), where=open_ones, order_by="requested_at", limit=MOST_COUNTED
    )
    # People edit these documents: what is no time any more has no age.
    ages_s = [
        (row.read_time - at).total_seconds()
        for row in waiting
        if isinstance(at := row.data.get("requested_at"), datetime)
    ]
    return {"approvals_waiting": len(waiting), "oldest_approval_s": round(max(ages_s, default=0.0), 1)}
