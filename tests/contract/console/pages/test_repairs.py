"""Repairs through a task's page and through a list: settle, cancel, redrive."""

from __future__ import annotations

import re

import httpx

from shared.intent.outcomes import Ambiguous, Permanent
from tests.contract.console.pages.browser import EDIT, SAME, Browser, open_browser
from tests.scripted import ScriptedHandler
from tests.world import SUMMARY, World, paused, started, ticket


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


async def failed(http: httpx.AsyncClient) -> Browser:
    """Return a browser on a refund that was approved and failed."""
    world = await paused()
    await world.decide("t1", by="lee@example.com")
    await world.execute("t1", ScriptedHandler(Permanent("no such order")))
    return open_browser(http, world)


async def test_failed_task_is_corrected_in_natural_units_and_asked_again(http: httpx.AsyncClient) -> None:
    browser = await failed(http)
    page = (await browser.get("/tasks/t1")).text
    assert 'name="p.amount_minor" value="25.00"' in page
    assert "Run it again now: it was approved" in page
    assert (await browser.repair("redrive", then="wait", **EDIT)).status_code == 303
    record = await browser.world.record("t1")
    assert (record.state, record.parameters["amount_minor"], record.review.edited_by) == (
        "AWAITING_APPROVAL",
        1200,
        "developer@localhost",
    )


async def test_repair_that_is_refused_keeps_what_was_typed_and_names_field_and_cure(http: httpx.AsyncClient) -> None:
    browser = await failed(http)
    form = EDIT | {"p.amount_minor": "12,5", "reason": "misread", "act": "redrive", "then": "run"}
    refused = await browser.repair("redrive", **form)
    assert refused.status_code == 422
    assert 'name="p.amount_minor" value="12,5"' in refused.text
    assert 'id="p.amount_minor-problem">amount must be written as 25.00, in USD' in refused.text
    assert 'id="redrive-reason" name="reason" value="misread"' in refused.text
    assert 'id="close-reason" name="reason" value=""' in refused.text
    silent = await browser.repair("close", reason=" ", act="close")
    assert (silent.status_code, "say why" in silent.text) == (422, True)
    assert re.search(r'id="close-reason" name="reason" value=" " required maxlength="300" aria-invalid', silent.text)
    assert (await browser.world.record("t1")).state == "FAILED"


async def test_failed_task_is_closed_and_counted_no_more(http: httpx.AsyncClient) -> None:
    browser = await failed(http)
    red = 'Failed <span class="count bad">1</span>'
    assert red in (await browser.get("/")).text
    assert (await browser.repair("close", reason="refunded by hand")).status_code == 303
    page = (await browser.get("/tasks/t1")).text
    assert red not in page
    assert "Closed <time" in page
    assert "/tasks/t1/close" not in page
    assert "closed: refunded by hand" in page
    assert (await browser.world.record("t1")).state == "FAILED"


async def test_rejected_task_that_never_ran_says_what_each_button_does(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    browser = open_browser(http, world)
    page = (await browser.get("/tasks/t1")).text
    assert re.findall(r'<button name="then" value="(\w+)"[^>]*>([^<]+)', page) == [
        ("wait", "Ask again"),
        ("run", "Approve and run now"),
    ]
    assert (await browser.repair("redrive", then="wait")).status_code == 303
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_expired_task_without_an_intent_is_given_one_on_its_page(http: httpx.AsyncClient) -> None:
    world = World("nonsense")
    browser = open_browser(http, world)
    await world.classify(ticket("Where is my order #47384?"))
    world.pass_time(hours=73)
    await world.sweep()
    page = (await browser.get("/tasks/t1")).text
    assert "No intent was found. Choose one beside this" in page
    assert "Approve and run now" not in page
    chosen = (await browser.get("/tasks/t1?intent=order_status")).text
    assert 'name="p.order_id"' in chosen
    given = {"intent": "order_status", "p.order_id": "#47384", "edited": "yes", "then": "run"}
    assert (await browser.repair("redrive", **given)).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.intent, record.parameters) == ("READY", "order_status", {"order_id": "#47384"})


async def test_page_tells_when_its_doors_have_changed(http: httpx.AsyncClient) -> None:
    """The page's script shows the doors of now where these differ, and leaves them alone where not."""
    world = await paused()
    browser = open_browser(http, world)

    async def doors() -> str:
        return str(
            re.findall(r'id="actions" class="acts" data-doors="(\w+)"', (await browser.get("/tasks/t1")).text)[0]
        )

    found = [await doors()]
    assert await doors() == found[0]
    await world.decide("t1")
    found.append(await doors())
    await world.execute("t1", ScriptedHandler(Permanent("no such order")))
    found.append(await doors())
    await browser.repair("close")
    found.append(await doors())
    assert len(set(found)) == 4


async def test_unknown_task_says_what_to_look_for_and_where(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", by="developer@localhost")
    world.store.put("tasks/t1", state="UNKNOWN")
    page = (await open_browser(http, world).get("/tasks/t1")).text
    told = re.findall(r'id="look-at">.*?</div>', page, re.DOTALL)[0]
    for said in (
        "Did this happen? Refund 25.00 USD of order 10021.",
        'href="https://dashboard.stripe.com/search?query=10021"',
        "for kim@example.com",
        "<code>t1.refund_request.1</code>",
    ):
        assert said in told, said
    assert "would be refused" not in page  # whoever approved it may settle it


async def test_key_is_named_only_where_the_provider_keeps_it(http: httpx.AsyncClient) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    page = (await open_browser(http, world).get("/tasks/t1")).text
    told = re.findall(r'id="look-at">.*?</div>', page, re.DOTALL)[0]
    assert ("at slack" in told, "keeps no key of ours" in told, "t1.ticket_summary" in told) == (True, True, False)
