"""A task's page: what it shows of the task, of its event, and of what is known besides."""

from __future__ import annotations

import re

import httpx
import pytest

from shared.records.news import tell
from shared.records.tombstones import entomb
from shared.task.waiting import planned
from tests.contract.console.pages.browser import EDIT, HOSTILE, on_letter, open_browser, pick, shown
from tests.world import ORDER_STATUS, REFUND, World, paused, ticket


async def test_waiting_task_is_shown_with_its_raw_parameters_and_reasons(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused())
    page = (await browser.get("/")).text
    assert "t1" in page
    assert "Refund 25.00 USD of order 10021" in page
    assert "money intents need a person" in page
    assert "arrived broken" in page
    dossier = (await browser.get("/tasks/t1")).text
    assert (
        dossier.index("<dt>amount</dt><dd><code>25.00 USD</code>")
        < dossier.index("Why it paused")
        < dossier.index("arrived broken")
        < dossier.index("Decide</h2>")
    )
    assert "25.00 USD" in dossier
    assert "kim@example.com" in dossier


async def test_plan_of_the_effect_is_shown_once_it_was_looked_up(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert "looked up" not in (await browser.get("/tasks/t1")).text
    looked_up = planned(await world.record("t1"), "Refund 25.00 USD of order 10021", world.store.now)
    world.store.put("tasks/t1", review=looked_up.review.model_dump())
    assert "Refund 25.00 USD of order 10021" in (await browser.get("/tasks/t1")).text
    await world.edit("t1", plan="Refund nothing at all")
    page = (await browser.get("/tasks/t1")).text
    assert "Refund nothing" not in page
    assert "Refund 25.00 USD of order 10021" in page
    await browser.decide("edit", **EDIT)  # what was looked up is not what would run now
    assert "Refund 25.00 USD of order 10021" not in (await browser.get("/tasks/t1")).text


async def test_tasks_that_ask_the_like_lead_to_each_other(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.classify(ticket(REFUND[0].raw_payload["text"], task_id="t2"))
    browser = open_browser(http, world)
    for one, other in (("t1", "t2"), ("t2", "t1")):
        page = (await browser.get(f"/tasks/{one}")).text
        assert "Others ask the like" in page
        assert f'<a href="/tasks/{other}">look at it</a>' in page


async def test_what_was_told_since_stands_beside_what_was_read(http: httpx.AsyncClient) -> None:
    world = await paused()
    await tell(world.ports, "t1", kind="edited", revision="2", text=f"Cancel it {HOSTILE}")
    page = (await open_browser(http, world).get("/tasks/t1")).text
    assert "changed_since" in page
    assert "Cancel it &lt;script&gt;" in page


async def test_event_is_shown_as_plain_text(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    browser = open_browser(http, world)
    await world.classify(ticket("<script>alert(1)</script>" + "x" * 200_000))
    answer = await browser.get("/tasks/t1/payload")
    assert answer.headers["content-type"].startswith("text/plain")
    assert len((await browser.get("/tasks/t1")).text) < 40_000


async def test_page_masks_what_the_event_as_it_came_still_holds(http: httpx.AsyncClient) -> None:
    words = "Refund $25.00 for order #10021, card 4111 1111 1111 1111, my password is hunter2!"
    browser = open_browser(http, await paused((ticket(words), REFUND[1])))
    page = (await browser.get("/tasks/t1")).text
    assert "card [card number], my password is [secret]" in page
    assert "4111" not in page
    assert "4111 1111 1111 1111, my password is hunter2!" in (await browser.get("/tasks/t1/payload")).text


async def test_page_of_a_removed_task_says_how_it_ended(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    await world.decide("t1", "reject")
    form, look = on_letter((await pick(world))[1], "redrive"), await shown(world)
    await entomb(world.ports, "t1")
    assert (await browser.get("/tasks?q=t1")).headers["location"] == "/tasks/t1"
    for path in ("/tasks/t1", "/tasks/t1/payload"):
        answer = await browser.get(path)
        assert answer.status_code == 410
        assert "the task ended REJECTED on 2026-01-05" in answer.text
    assert (await browser.post("/tasks/t1/redrive", look | {"reason": "again"})).status_code == 410
    assert (await browser.post("/bulk", form)).status_code == 200
    assert "ended REJECTED" in (await browser.post("/bulk", [*form, ("confirmed", "yes"), ("reason", "why")])).text


async def test_effect_is_looked_up_on_demand(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    asked = len(world.publisher.on("intent-refund-request"))
    assert (await browser.post("/tasks/t1/preview", {})).status_code == 303
    assert len(world.publisher.on("intent-refund-request")) == asked + 1
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_answer_that_could_not_be_read_is_shown_escaped(http: httpx.AsyncClient) -> None:
    world = await paused((REFUND[0], f"I would refund <b>$25.00</b>. {HOSTILE}"))
    page = (await open_browser(http, world).get("/tasks/t1")).text
    assert "I would refund &lt;b&gt;$25.00&lt;/b&gt;." in page
    assert "<script>alert" not in page
    assert "\x1b" not in page


async def test_task_shows_the_customers_others_and_a_poll_does_not_look_for_them(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1], privacy_key="k" * 32)
    for name in ("a", "b"):
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=name))
    await world.classify(ticket(REFUND[0].raw_payload["text"], task_id="c", email="lee@example.com"))
    browser = open_browser(http, world)
    page = (await browser.get("/tasks/a")).text
    others = re.findall(r'<ul class="reasons" id="others">.*?</ul>', page, re.DOTALL)[0]
    assert re.findall(r'href="/tasks/(\w+)"', others) == ["b"]
    assert 'id="others"' not in (await http.get("/tasks/a", headers={"if-none-match": '"x"'})).text


@pytest.mark.parametrize("state", ["AWAITING_APPROVAL", "UNKNOWN", "FAILED", "REJECTED"])
async def test_task_of_somebody_without_an_address_is_shown_with_their_others(
    http: httpx.AsyncClient, state: str
) -> None:
    world = World(REFUND[1], privacy_key="k" * 32)
    asks = {"email": "", "id": "kim", "name": "", "vouched_by": "", "key": "1a.kim"}
    for name in ("a", "b"):
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=name))
        world.store.put(f"tasks/{name}", requester=asks, state=state)
    answer = await open_browser(http, world).get("/tasks/a")
    assert (answer.status_code, 'id="others"' in answer.text) == (200, True)
    assert 'href="/tasks?requester=kim"' in answer.text
