"""Many tasks decided at once, each as it was shown."""

from __future__ import annotations

import re

import httpx
import pytest

from shared.task.waiting import planned
from tests.contract.console.pages.browser import open_browser, pick
from tests.world import REFUND, World, paused, says, ticket


async def many(world: World, count: int) -> None:
    for n in range(count):
        world.model.answers = [says("refund_request", order_id=f"1002{n}", amount_minor=2500, currency="USD")]
        await world.classify(ticket(f"Please refund $25.00 for order #1002{n}", task_id=f"r{n}"))


async def test_like_cases_are_decided_together_as_decisions_of_their_own(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1])
    browser = open_browser(http, world)
    await many(world, 5)
    page = (await browser.get("/")).text
    picks = [("pick", value) for value in re.findall(r'name="pick" value="([^"]+)"', page)]
    asked = await browser.post("/bulk", [*picks[:4], ("action", "approve")])
    assert asked.status_code == 200
    assert "Approve 4 tasks, 100.00 USD in all?" in asked.text
    assert asked.text.count("asked by kim@example.com") == 4
    assert {(await world.record(f"r{n}")).state for n in range(5)} == {"AWAITING_APPROVAL"}
    await world.decide("r1", "reject")
    done = await browser.post("/bulk", [*picks[:4], ("action", "approve"), ("confirmed", "yes"), ("comment", "alike")])
    assert "3 done, 1 refused" in done.text
    records = [await world.record(f"r{n}") for n in range(5)]
    assert [r.state for r in records] == ["READY", "REJECTED", "READY", "READY", "AWAITING_APPROVAL"]
    assert {r.approval.comment for r in records if r.approval and r.state == "READY"} == {"alike"}


@pytest.mark.parametrize(
    ("picked", "why"),
    [
        ("t1|1|" + "0" * 64, "not the ones that were shown"),
        ("t1|2|{hash}", "has moved on"),
        ("t1|{hash}", "reload the page"),
        ("t1", "reload the page"),
        ("t1|1", "not the ones that were shown"),
        ("t9|1|{hash}", "no such task"),
    ],
)
@pytest.mark.parametrize("action", ["approve", "reject", "redrive"])
async def test_pick_of_something_else_than_was_shown_is_refused(
    http: httpx.AsyncClient, action: str, picked: str, why: str
) -> None:
    world = await paused()
    if action == "redrive":
        await world.decide("t1", "reject")
    before = await world.record("t1")
    value = picked.format(hash=before.params_hash)
    form = [("pick", value), ("action", action), ("confirmed", "yes"), ("reason", "x")]
    done = (await open_browser(http, world).post("/bulk", form)).text
    assert ("0 done, 1 refused" in done, why in done) == (True, True)
    assert await world.record("t1") == before


@pytest.mark.parametrize(
    "form",
    [
        [("action", "approve")],
        [("action", "explode"), ("pick", "r0|x")],
        [("action", "approve"), ("pick", "r0/x|1|x")],
        [("action", "close_letter"), ("pick", "../tasks/r0")],
        [],
    ],
)
async def test_bulk_without_a_choice_is_refused(http: httpx.AsyncClient, form: list[tuple[str, str]]) -> None:
    assert (await open_browser(http, World(REFUND[1])).post("/bulk", form)).status_code in (400, 422)


async def test_way_back_stays_on_this_site(http: httpx.AsyncClient) -> None:
    world = await paused()
    form = [await pick(world), ("action", "approve"), ("back", "//evil.example/")]
    assert 'href="//evil' not in (await open_browser(http, world).post("/bulk", form)).text


async def test_many_are_rejected_for_one_cause(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1])
    browser = open_browser(http, world)
    await many(world, 2)
    picks = [await pick(world, "r0"), await pick(world, "r1")]
    asked = await browser.post("/bulk", [*picks, ("action", "reject")])
    assert asked.text.count('name="cause"') == 4
    await browser.post("/bulk", [*picks, ("action", "reject"), ("confirmed", "yes"), ("cause", "duplicate")])
    labels = [await world.label(f"r{n}") for n in range(2)]
    assert [label and label.verdict for label in labels] == ["duplicate", "duplicate"]


async def test_what_its_own_page_says_would_fail_is_left_out_and_refused(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1])
    browser = open_browser(http, world)
    await many(world, 2)
    plan = "would fail: the order was paid by somebody else (not_owner)"
    world.store.put("tasks/r0", review=planned(await world.record("r0"), plan, world.store.now).review.model_dump())
    plan = "Refund 25.00 USD of order 10021; 15.00 USD were refunded before"
    world.store.put("tasks/r1", review=planned(await world.record("r1"), plan, world.store.now).review.model_dump())
    picks = [await pick(world, "r0"), await pick(world, "r1")]
    asked = (await browser.post("/bulk", [*picks, ("action", "approve")])).text
    assert "Approve 1 task, 25.00 USD in all?" in asked
    assert "it would fail: the order was paid by somebody else (not_owner); open it" in asked
    assert "15.00 USD were refunded before" in asked
    assert re.findall(r'name="pick" value="(\w+)', asked) == ["r1"]
    done = await browser.post("/bulk", [*picks, ("action", "approve"), ("confirmed", "yes")])
    assert "1 done, 1 refused" in done.text
    assert [(await world.record(f"r{n}")).state for n in range(2)] == ["AWAITING_APPROVAL", "READY"]
    assert (await browser.post("/bulk", [picks[0], ("action", "reject")])).text.count('name="pick"') == 1


async def test_what_has_no_intent_is_not_offered_for_many(http: httpx.AsyncClient) -> None:
    world = World("nonsense")
    browser = open_browser(http, world)
    await world.classify(ticket("Where is my order #47384?", task_id="r0"))
    assert "Approve selected" not in (await browser.get("/")).text
    asked = (await browser.post("/bulk", [await pick(world, "r0"), ("action", "approve")])).text
    assert "None of these is approved among many" in asked
    assert "it has no intent yet" in asked
    assert 'id="confirm"' not in asked


async def test_unknown_tasks_are_settled_together_by_one_who_looked(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1])
    await many(world, 2)
    for n in range(2):
        world.store.put(f"tasks/r{n}", state="UNKNOWN")
    browser = open_browser(http, world)
    page = (await browser.get("/tasks?state=UNKNOWN")).text
    picks = [("pick", value) for value in re.findall(r'name="pick" value="([^"]+)"', page)]
    asked = (await browser.post("/bulk", [*picks, ("action", "settle")])).text
    assert "dashboard.stripe.com/search?query=10020" in asked
    looked_at = re.findall(r'name="looked_at" value="([^"]+)"', asked)[0]
    form = [*picks, ("action", "settle"), ("confirmed", "yes"), ("reason", "seen there"), ("looked_at", looked_at)]
    refused = await browser.post("/bulk", form)
    assert (refused.status_code, 'value="seen there"' in refused.text) == (422, True)
    done = await browser.post("/bulk", [*form, ("verdict", "applied")])
    assert "2 done, 0 refused" in done.text
    assert {(await world.record(f"r{n}")).state for n in range(2)} == {"SUCCEEDED"}


async def test_failed_tasks_are_closed_together(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1])
    await many(world, 2)
    for n in range(2):
        world.store.put(f"tasks/r{n}", state="FAILED")
    browser = open_browser(http, world)
    page = (await browser.get("/tasks?state=FAILED&closed=no")).text
    picks = [("pick", value) for value in re.findall(r'name="pick" value="([^"]+)"', page)]
    asked = (await browser.post("/bulk", [*picks, ("action", "close")])).text
    assert "2 done, 0 refused" in (await browser.confirmed(asked, "refunded by hand")).text
    assert all([(await world.record(f"r{n}")).closed_at for n in range(2)])


async def test_task_of_nobody_is_left_out_of_many(http: httpx.AsyncClient) -> None:
    world = await paused((ticket(REFUND[0].raw_payload["text"], email=""), REFUND[1]))
    asked = await open_browser(http, world).post("/bulk", [await pick(world), ("action", "approve")])
    assert "nobody says whose request it is; open it" in asked.text
