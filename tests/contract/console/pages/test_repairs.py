"""Repairs through a task's page and through a list: settle, cancel, redrive."""

from __future__ import annotations

import re

import httpx

from shared.intent.outcomes import Ambiguous
from tests.contract.console.pages.browser import SAME, open_browser
from tests.scripted import ScriptedHandler
from tests.world import SUMMARY, paused, started


def read_at(page: str) -> str:
    return str(re.findall(r'name="looked_at" value="([^"]+)"', page)[0])


async def test_unknown_task_is_settled_redriven_and_says_what_to_look_for(http: httpx.AsyncClient) -> None:
    world = await started(SUMMARY)
    browser = open_browser(http, world)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    page = (await browser.get("/tasks/t1")).text
    assert "Settle" in page
    assert (await world.record("t1")).effect_key in page
    world.pass_time(minutes=2)
    other = await browser.repair("settle", verdict="not_applied", generation="7")
    assert (other.status_code, "has moved on" in other.text) == (409, True)
    assert (await browser.repair("settle", verdict="applied", reason=" ")).status_code == 422
    early = await browser.repair("settle", verdict="not_applied", looked_at=read_at(page))  # the page was read before
    assert (early.status_code, "look again now" in early.text) == (409, True)
    assert read_at(early.text) > read_at(page)  # from now on a verdict counts
    settled = await browser.repair("settle", verdict="applied")
    assert settled.status_code == 303
    assert (await world.record("t1")).state == "SUCCEEDED"


async def test_waiting_task_is_cancelled(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.repair("cancel", reason="a mistake")).status_code == 303
    assert (await world.record("t1")).state == "CANCELLED"


async def test_cancelled_task_is_redriven_by_whoever_looks_at_it_alone(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    await browser.repair("cancel", reason="a mistake")
    assert 'action="/tasks/t1/redrive"' in (await browser.get("/tasks/t1")).text
    assert (await browser.repair("redrive", reason="the cancel was the mistake")).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation) == ("READY", 2)
    assert record.approval is not None
    assert (record.approval.by, record.approval.comment) == ("developer@localhost", "the cancel was the mistake")
    handler = ScriptedHandler()
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(handler.calls) == 1


async def test_rejected_tasks_that_are_redriven_together_wait_for_a_decision_again(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    browser = open_browser(http, world)
    page = (await browser.get("/tasks?state=REJECTED")).text
    [picked] = re.findall(r'name="pick" value="([^"]+)"', page)
    asked = await browser.post("/bulk", [("pick", picked), ("action", "redrive")])
    assert "Redrive 1 task?" in asked.text
    done = (await browser.confirmed(asked.text, "it was right")).text
    assert ("1 done, 0 refused" in done, "awaiting approval" in done) == (True, True)
    record = await world.record("t1")
    assert (record.state, record.generation, record.approval) == ("AWAITING_APPROVAL", 2, None)
    assert 'href="/tasks/t1"' in (await browser.get("/")).text
    assert (await browser.decide(**SAME)).status_code == 303
    assert (await world.record("t1")).state == "READY"


async def test_rejected_task_runs_once_its_own_page_redrives_it(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    browser = open_browser(http, world)
    assert (await browser.repair("redrive", reason="it was right", params_hash="0" * 64)).status_code == 409
    assert (await browser.repair("redrive", reason="it was right")).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.approval and record.approval.by) == (
        "READY",
        2,
        "developer@localhost",
    )
