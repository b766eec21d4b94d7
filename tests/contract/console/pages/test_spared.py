"""A task whose call was spared: its page has the model asked, once, and says that nobody was."""

from __future__ import annotations

import httpx

from shared.topics import ASK
from tests.contract.console.pages.browser import open_browser
from tests.steps.test_later import spared


async def test_opening_the_task_has_the_model_asked_once(http: httpx.AsyncClient) -> None:
    world = await spared()
    browser = open_browser(http, world)
    before = len(world.publisher.messages)
    page = (await browser.get("/tasks/t1")).text
    assert "not_asked" in page
    await browser.get("/tasks/t1")
    (sent,) = world.publisher.messages[before:]
    assert sent[2][ASK] == "1"
    await world.classify(sent[1], attributes=sent[2])
    assert "asked_late" in (await browser.get("/tasks/t1")).text
    assert world.model.calls == 1


async def test_lists_and_api_ask_nobody(http: httpx.AsyncClient) -> None:
    world = await spared()
    browser = open_browser(http, world)
    before = len(world.publisher.messages)
    for path in ("/", "/tasks", "/api/tasks/t1", "/tasks/t1/payload"):
        await browser.get(path)
    assert world.publisher.messages[before:] == []


async def test_page_is_shown_where_the_bus_is_away(http: httpx.AsyncClient) -> None:
    world = await spared()
    browser = open_browser(http, world)
    world.publisher.broken = True
    assert "not_asked" in (await browser.get("/tasks/t1")).text
