"""The page of health: hours, switches, what is ignored, and one look for everybody."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx

from functions.console.health import LOOK_S, latest
from shared.errors import StoreUnavailable
from shared.event.tally import Kind
from shared.records.ignored import add, told
from shared.wiring.ports import Filter
from tests.contract.console.pages.browser import open_browser
from tests.scripted import ScriptedHandler
from tests.store import MemoryStore
from tests.world import ORDER_STATUS, World, ticket


async def test_health_counts_the_last_day(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    world.now = datetime.now(UTC) - timedelta(hours=2)
    for n in range(3):
        await world.run(ticket("Where is my order #47384?", task_id=f"s{n}"), ScriptedHandler())
    page = (await open_browser(http, world).get("/health")).text
    hours = re.search(r"the last 24 hours: ([0-9, ]+)", page)
    assert hours is not None
    assert sorted(hours[1].split(", "))[-2:] == ["0", "3"]
    assert "half of the newest 3" in page
    assert "none in the last seven days" in page


async def test_health_shows_what_each_switch_does(http: httpx.AsyncClient) -> None:
    world = World()
    assert "Switches" not in (await open_browser(http, world).get("/health")).text
    world.store.put("switches/cancel_order", enabled=False)
    world.store.put("switches/order-status<b>", enabled=False)
    page = (await open_browser(http, world).get("/health")).text
    rows = re.findall(r"<code>switches/(.*?)</code></th><td[^>]*>(.*?)</td>", page)
    assert rows == [
        ("cancel_order", "off"),
        (
            "order-status&lt;b&gt;",
            "<strong>nothing: there is no intent of this name; did you mean &#39;order_status&#39;?</strong>",
        ),
    ]


async def test_health_shows_what_is_ignored_most_frequent_first(http: httpx.AsyncClient) -> None:
    world, now = World(), datetime.now(UTC)
    for n, (kind, days_ago, count) in enumerate([("star", 0, 2), ("star", 1, 3), ("issues.labeled", 6, 1200)]):
        day = (now - timedelta(days=days_ago)).date().isoformat()
        await add(world.store, told({Kind(day, "github", kind, "no_words"): count}), f"m{n}")
    page = (await open_browser(http, world).get("/health")).text
    table = page[page.index('id="ignored"') :]
    cells = [re.findall(r"<t[hd][^>]*>(?:<span[^>]*>)?([^<]*)", row) for row in table.split("<tr>")[2:]]
    assert [row[:6] for row in cells] == [
        ["github", "issues.labeled", "no_words", "0", "0", "1,200"],
        ["github", "star", "no_words", "2", "3", "5"],
    ]


class Counting(MemoryStore):
    """Counts how often somebody counts tasks of a day for the page of health; `down`: it cannot."""

    counted = 0
    down = False

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        if self.down:
            raise StoreUnavailable("the store is down")
        self.counted += collection == "tasks" and len(where) > 1
        return await super().count(collection, where=where, up_to=up_to)


async def test_one_look_at_health_serves_everybody_for_some_seconds(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    store, registry = world.keep_in(Counting), world.ports.registry
    browser = open_browser(http, world)
    pages = await asyncio.gather(*(browser.get("/health") for _ in range(5)))
    assert {page.status_code for page in pages} == {200}
    once = 24 + 3 * len(registry)
    assert store.counted == once
    found = await latest(store, registry, datetime.now(UTC))
    assert await latest(store, registry, found.at + timedelta(seconds=LOOK_S - 0.1)) is found
    assert await latest(store, registry, found.at - timedelta(days=1)) is not found  # the clock was put back
    assert store.counted == 2 * once


async def test_look_that_failed_is_not_kept(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    store = world.keep_in(Counting)
    browser = open_browser(http, world)
    for store.down, status in ((True, 503), (False, 200)):
        assert (await browser.get("/health")).status_code == status
