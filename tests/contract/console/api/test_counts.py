"""Counts: of what waits, and of the events that are ignored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from functions.console.search import COUNT_UP_TO
from shared.event.tally import Kind
from shared.records.ignored import add, told
from tests.contract.console.api.calls import serve
from tests.world import World, paused


async def test_ignored_events_are_counted_by_day_source_kind_and_reason(http: httpx.AsyncClient) -> None:
    world, today = serve(World()), datetime.now(UTC).date()
    for days_ago, count in enumerate((3, 5)):
        day = (today - timedelta(days=days_ago)).isoformat()
        await add(world.store, told({Kind(day, "github", "issues.labeled", "no_words"): count}), f"m{days_ago}")
    days = (await http.get("/api/ignored")).json()["days"]
    same = {"source": "github", "kind": "issues.labeled", "reason": "no_words"}
    assert [day["counts"] for day in days] == [[same | {"count": 3}], [same | {"count": 5}], [], [], [], [], []]
    assert (days[0]["day"], (await http.post("/api/ignored")).status_code) == (today.isoformat(), 405)


async def test_counts_say_where_they_stop(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    record = (await world.record("t1")).model_dump()
    for n in range(COUNT_UP_TO + 5):
        world.store.put(f"tasks/f{n}", **record | {"state": "FAILED"})
    counts = (await http.get("/api/counts")).json()
    assert counts == {
        "AWAITING_APPROVAL": 1, "UNKNOWN": 0, "FAILED": COUNT_UP_TO, "dead_letters": 0, "up_to": COUNT_UP_TO
    }  # fmt: skip
