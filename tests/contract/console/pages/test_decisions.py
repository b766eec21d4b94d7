"""Decisions through the form of a task's page."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from tests.contract.console.pages.browser import EDIT, SAME, open_browser, shown
from tests.world import REFUND, paused


async def test_approval_by_form_runs_what_was_shown_in_the_persons_name(http: httpx.AsyncClient) -> None:
    world = await paused()
    answer = await open_browser(http, world).decide(**SAME, comment="checked")
    assert (answer.status_code, answer.headers["location"]) == (303, "/next?after=t1&done=yes")
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("READY", 1, 2500)
    assert record.approval is not None
    assert (record.approval.by, record.approval.channel, record.approval.comment) == (
        "developer@localhost",
        "console",
        "checked",
    )


async def test_edited_parameters_run_as_a_new_generation(http: httpx.AsyncClient) -> None:
    world = await paused()
    assert (await open_browser(http, world).decide(**EDIT)).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("READY", 2, 1200)


async def test_saved_change_is_asked_anew_and_runs_once_somebody_approves_it(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert "Save the change, ask again" in (await browser.get("/tasks/t1")).text
    stale = await shown(world)
    assert (await browser.decide("edit", **EDIT)).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("AWAITING_APPROVAL", 2, 1200)
    assert record.approval is None
    page = (await browser.get("/tasks/t1")).text
    assert "The parameters were set by <strong>developer@localhost</strong>" in page
    assert 'name="p.amount_minor" value="12.00"' in page
    assert 'name="generation" value="2"' in page
    late = await browser.decide(**SAME, **stale)
    assert (late.status_code, "not the ones that were shown" in late.text) == (409, True)
    assert (await browser.decide(**EDIT)).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("READY", 2, 1200)


async def test_saved_change_that_does_not_hold_is_a_draft_that_fills_the_form(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.decide("edit", **EDIT | {"p.order_id": "no spaces please"})).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.parameters, record.review.draft["order_id"]) == (
        "AWAITING_APPROVAL",
        {},
        "no spaces please",
    )
    page = (await browser.get("/tasks/t1")).text
    assert 'value="no spaces please"' in page
    assert (await browser.decide(intent="refund_request")).status_code == 422
    assert (await browser.decide(**EDIT | {"intent": "refund_request"})).status_code == 303
    assert (await world.record("t1")).state == "READY"


@pytest.mark.parametrize(
    "form",
    [
        {"generation": ""},
        {"generation": "-1"},
        {"generation": "1e3"},
        {"generation": "\u0661"},
        {"generation": "9" * 10},
    ],
)
@pytest.mark.parametrize("action", ["decide", "redrive", "settle", "cancel"])
async def test_form_that_says_not_what_it_shows_changes_nothing(
    http: httpx.AsyncClient, action: str, form: dict[str, str]
) -> None:
    world = await paused()
    browser = open_browser(http, world)
    sent = {"decision": "approve", "reason": "x", "verdict": "applied"} | SAME | form
    assert (await browser.post(f"/tasks/t1/{action}", await shown(world) | sent)).status_code == 422
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_another_intent_is_filled_in_and_approved(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    page = (await browser.get("/tasks/t1?intent=cancel_order")).text
    assert "Approve as cancel_order" in page
    assert "p.amount_minor" not in page
    assert (await browser.decide(intent="cancel_order", **{"p.order_id": "#10021"})).status_code == 303
    assert (await world.record("t1")).intent == "cancel_order"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"p.amount_minor": "12.5"}, "amount must be written as 25.00, in USD"),
        ({"p.amount_minor": "-3"}, "without a sign"),
        ({"p.order_id": "no spaces please"}, "order_id"),
        ({"p.currency": "XXX"}, "currency"),
    ],
)
async def test_form_that_does_not_hold_comes_back_as_it_was_with_the_reason(
    http: httpx.AsyncClient, form: dict[str, str], said: str
) -> None:
    world = await paused()
    answer = await open_browser(http, world).decide(**(EDIT | form), comment="my words")
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert "my words" in answer.text
    assert all(f'value="{v}"' in answer.text for n, v in form.items() if n != "p.currency")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_what_a_refused_form_held_comes_back_escaped(http: httpx.AsyncClient) -> None:
    marked = '"><script>alert(1)</script>'
    browser = open_browser(http, await paused())
    page = (await browser.decide(**(EDIT | {"p.amount_minor": marked}), comment=marked)).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 2


async def test_second_decision_and_stale_page_are_refused_and_say_so(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.decide(params_hash="0" * 64, **SAME)).status_code == 409
    assert (await browser.decide("reject")).status_code == 303
    answer = await browser.decide(**SAME)
    assert answer.status_code == 409
    assert "REJECTED" in answer.text


async def test_expired_approval_is_refused(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    world.pass_time(hours=73)
    answer = await browser.decide(**SAME)
    assert answer.status_code == 409
    assert "expired" in answer.text


async def test_suggestion_with_a_wrong_type_fills_the_form_and_can_be_approved_there(http: httpx.AsyncClient) -> None:
    task, answer = REFUND
    world = await paused((task, answer | {"parameters": answer["parameters"] | {"amount_minor": "2500"}}))
    browser = open_browser(http, world)
    page = unescape((await browser.get("/tasks/t1")).text)
    assert "amount_minor: int_type" in page
    assert 'name="intent" value="refund_request"' in page
    assert re.search(r'name="p.amount_minor" value="25.00"', page)
    await browser.decide(intent="refund_request", edited="yes", **SAME)
    record = await world.record("t1")
    assert (record.state, record.intent, record.parameters) == ("READY", "refund_request", answer["parameters"])


async def test_cause_of_a_rejection_stands_beside_its_button_and_in_the_story(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    page = (await browser.get("/tasks/t1")).text
    assert re.findall(r'name="cause" value="(\w+)"( checked)?', page) == [
        ("wrong_intent", ""),
        ("not_wanted", ""),
        ("duplicate", ""),
        ("other", " checked"),
    ]
    await browser.decide("reject", cause="wrong_intent")
    label = await world.label()
    assert label is not None
    assert (label.verdict, label.right) == ("wrong_intent", False)
    page = (await browser.get("/tasks/t1")).text
    assert "rejected: wrong_intent" in page
    assert "reject as wrong_intent by" in page


async def test_refused_rejection_comes_back_with_its_cause(http: httpx.AsyncClient) -> None:
    world = await paused()
    answer = await open_browser(http, world).decide("reject", cause="duplicate", generation="7")
    assert answer.status_code == 409
    assert 'value="duplicate" checked' in answer.text
    assert (await open_browser(http, world).decide("reject", cause="fraud")).status_code == 422
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_approval_is_undone_from_the_page_that_tells_of_it(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    answer = await browser.decide(**SAME)
    told = (await http.get(answer.headers["location"], follow_redirects=True)).text
    assert 'action="/tasks/t1/undo"' in told
    assert '<button form="undo" class="small">Undo</button>' in told
    assert "Undo the approval" in (await browser.get("/tasks/t1")).text
    assert (await browser.post("/tasks/t1/undo", await shown(world))).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.history[-1].why) == ("AWAITING_APPROVAL", 2, "undone")
    late = await browser.post("/tasks/t1/undo", await shown(world))
    assert (late.status_code, "there is nothing to take back" in late.text) == (409, True)
