"""A task's page and its row say who is on it, who has it open and what they wrote; its forms do the same."""

from __future__ import annotations

import re

import httpx

from shared.records import working
from shared.task.moves import Person
from tests.contract.console.pages.browser import HOSTILE, open_browser
from tests.world import paused

JO = Person("jo@example.com", "console")


async def test_page_takes_leaves_and_notes(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert "Nobody is on it." in (await browser.get("/tasks/t1")).text
    taken = await browser.post("/tasks/t1/assign", {"take": "yes"})
    assert (taken.status_code, taken.headers["location"]) == (303, "/tasks/t1")
    assert "It is yours." in (await browser.get("/tasks/t1")).text
    assert "<small>yours</small>" in (await browser.get("/?assignee=developer")).text
    assert (await browser.post("/tasks/t1/note", {"text": HOSTILE})).status_code == 303
    page = (await browser.get("/tasks/t1")).text
    notes = re.findall(r'<ol class="notes".*?</ol>', page, re.DOTALL)[0]
    assert ("&lt;script&gt;" in notes, "<script>" in notes, "U+202E" in notes) == (True, False, True)
    long = await browser.post("/tasks/t1/note", {"text": "y" * 1001})
    assert (long.status_code, "y" * 1001 in long.text, "a note has 1 to 1,000 characters" in long.text) == (
        422,
        True,
        True,
    )
    await browser.post("/tasks/t1/assign", {"take": "no"})
    assert (await world.record("t1")).assignee == ""
    assert (await http.post("/tasks/t1/assign", data={"take": "yes"})).status_code == 403  # without the page's token


async def test_others_are_told_who_is_on_it_and_who_has_it_open(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.post("/tasks/t1/look", {})).status_code == 303  # as the page's script does
    assert "looking at it" not in (await browser.get("/tasks/t1")).text  # it is not told to oneself
    world.pass_time(seconds=90)
    await working.assign(world.ports, "t1", JO, take=True)
    await working.look(world.ports, "t1", JO)
    page, row = (await browser.get("/tasks/t1")).text, (await browser.get("/")).text
    assert "<strong>jo@example.com</strong> is looking at it" in page
    assert "jo@example.com is looking at it" in row
    assert ("Take it over" in page, 'name="over" value="jo@example.com"' in page) == (True, True)
    etags = [(await browser.get(path)).headers["etag"] for path in ("/tasks/t1", "/")]
    refused = await browser.post("/tasks/t1/assign", {"take": "yes"})
    assert (refused.status_code, "jo@example.com has taken it" in refused.text) == (409, True)
    world.pass_time(seconds=90)  # nothing is written, and the page of a browser that waits is another
    for path, etag in zip(("/tasks/t1", "/"), etags, strict=True):
        now = await http.get(path, headers={"If-None-Match": etag})
        assert (now.status_code, "looking at it" in now.text) == (200, False)
