"""What is searched for, found, and counted in the lists; what nobody can ask is refused."""

from __future__ import annotations

import httpx
import pytest

from functions.console.search import COUNT_UP_TO
from tests.contract.console.pages.browser import open_browser
from tests.world import paused

FILTERS = "requester, assignee, decided_by, closed, min, max, older, since, until, order"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=AWAITING_APPROVAL", True),
        ("state=FAILED", False),
        ("intent=refund_request", True),
        ("source=helpdesk&since=2026-01-05T08:00", True),
        ("since=2026-01-06", False),
        ("until=2026-01-05T08:59", False),
    ],
)
async def test_tasks_are_searched_by_state_source_intent_and_time(
    http: httpx.AsyncClient, query: str, found: bool
) -> None:
    browser = open_browser(http, await paused())
    assert ('id="t-t1"' in (await browser.get(f"/tasks?{query}")).text) is found


async def test_id_leads_to_its_task_and_an_unknown_one_says_so(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused())
    answer = await browser.get("/tasks?q=t1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tasks/t1")
    assert "No task is like this." in (await browser.get("/tasks?q=nobody")).text
    for path in ("/tasks/nobody", "/nowhere", "/static/../main.py", "/static/x/none.js"):
        assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/", f"q, intent, source, {FILTERS}, page_token, told"),
        ("/tasks", f"q, state, intent, source, {FILTERS}, page_token, told"),
        ("/dead-letters", "page_token"),
        ("/health", ""),
        ("/tasks/t1", "intent, list, told"),
        ("/next", "after, done, list"),
        ("/tasks/t1/payload", ""),
        ("/static/0/console.css", ""),
    ],
)
async def test_a_name_that_a_page_does_not_know_is_refused(http: httpx.AsyncClient, path: str, known: str) -> None:
    browser = open_browser(http, await paused())
    for query in ("requestor=kim@example.com", "foo=", "intnet=refund_request"):
        answer = await browser.get(f"{path}?{query}")
        assert answer.status_code == 400
        said = f"{query.partition('=')[0]} is unknown; " + (f"known here: {known}" if known else "nothing can be asked")
        assert said in answer.text
    for name in known.split(", ") if known else ():
        assert "given twice" in (await browser.get(f"{path}?{name}=&{name}=")).text


async def test_counts_that_stopped_and_what_they_stand_for_are_shown_as_such(http: httpx.AsyncClient) -> None:
    world = await paused()
    record = (await world.record("t1")).model_dump()
    for n in range(COUNT_UP_TO):
        world.store.put(f"tasks/f{n}", **record | {"state": "FAILED"})
    browser = open_browser(http, world)
    assert '<span class="count bad">1,000+</span>' in (await browser.get("/")).text
    assert "1,000+ failed" in (await browser.get("/health")).text
