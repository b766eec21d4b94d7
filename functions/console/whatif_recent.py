"""Settings that somebody tries in; what the newest tasks come to by them and by today's out. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from functions.console.whatif import Comparison
from functions.console.whatif_settings import tried
from shared.gate.replay import Past, Replay, past_of, with_audit_share
from shared.records.documents import to_record, tombstone_in
from shared.records.labels import label_path
from shared.settings import Settings
from shared.wiring.composition import Ports
from shared.wiring.ports import Store

MOST = 500  # tasks of one look
MOST_BYTES = 16 * 1024 * 1024  # of their payloads: a look has to end
AT_ONCE = 50  # documents in memory
PLAYED_AT_ONCE = 20  # tasks, before others have their turn


async def compare(
    ports: Ports, variables: Mapping[str, str], *, limit: int = MOST, audit_share: float | None = None
) -> Comparison:
    """Return what the newest tasks come to by today's settings, and with these variables in their place.

    Raises:
        SettingError: one of them cannot be used; nothing was read.
        StoreUnavailable: the store is down.
    """
    settings: Settings = ports.settings
    other = tried(settings, variables, ports.registry)
    drawn = ports.registry if audit_share is None else with_audit_share(ports.registry, audit_share)
    pasts = await _newest(ports.store, limit)
    found = Comparison(
        Replay(ports.registry, settings),
        Replay(drawn, other, declared=ports.registry),
        labels=await _labels(ports.store, pasts),
    )
    for played, past in enumerate(pasts, 1):
        found.add(past)
        if played % PLAYED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


async def _newest(store: Store, limit: int) -> list[Past]:
    """Return up to `limit` tasks, oldest first; fewer where they are large."""
    found: list[Past] = []
    last, left = None, MOST_BYTES
    while len(found) < limit and left > 0:
        page = await store.query("tasks", order_by="created_at", descending=True, limit=AT_ONCE, after=last)
        for snapshot in page:
            if tombstone_in(snapshot) is not None or len(found) == limit or left <= 0:
                continue
            record = to_record(snapshot)
            left -= len(record.payload)
            found.append(past_of(record))
            await asyncio.sleep(0)
        if len(page) < AT_ONCE:
            break
        last = page[-1]
    return found[::-1]


async def _labels(store: Store, pasts: list[Past]) -> dict[str, bool | None]:
    """Return what labels say of the suggestions: those of audits tell what no record does."""
    paths = [label_path(past.record.task_id) for past in pasts]
    rows = await store.read_rows(("right",), *paths) if paths else []
    return {row.id: row.data.get("right") for row in rows}
