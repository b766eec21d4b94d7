"""Who may decide on a page, how many have to, and whose request it is."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import httpx
import pytest

from functions.console import identity
from shared.intent.registry import Registry
from shared.task.schemas import AutomationTask
from tests.contract.console.pages.browser import EDIT, SAME, Browser, open_browser, pick
from tests.world import ORDER_STATUS, REFUND, REGISTRY, paused


async def test_own_request_is_refused_in_words_on_the_page(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "kim+work@example.com")
    world = await paused()
    browser = open_browser(http, world)
    words = "this is your own request; somebody else has to decide"
    assert f"The buttons would be refused: {words}" in (await browser.get("/tasks/t1")).text
    for decision in ("approve", "reject", "edit"):
        refused = await browser.decide(decision, **EDIT)
        assert (refused.status_code, f'id="error" tabindex="-1">{words}' in refused.text) == (403, True)
    refused = await browser.repair("cancel")
    assert (refused.status_code, words in refused.text) == (403, True)
    picked = [await pick(world), ("action", "approve"), ("confirmed", "yes")]
    done = (await browser.post("/bulk", picked)).text
    assert ("0 done, 1 refused" in done, words in done) == (True, True)
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_page_says_who_has_approved_and_who_is_missing(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = frozenset({"developer@localhost", "lead@example.com", "kim@example.com"})
    world = await paused(approvers={"*": people})
    refund = REGISTRY["refund_request"]
    two = replace(refund, policy=replace(refund.policy, approvals=2, approvals_above=2000))
    world.ports.__dict__["registry"] = Registry(REGISTRY | {"refund_request": two})
    browser = open_browser(http, world)
    assert "2 more people have to approve: developer@localhost or lead@example.com." in await missing(browser)
    assert (await browser.decide(**SAME, comment="checked")).status_code == 303
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    said = await missing(browser)
    assert said.startswith("Approved by developer@localhost ")
    assert said.endswith(". 1 more person has to approve: lead@example.com.")
    assert "approved by developer@localhost" in (await browser.get("/")).text
    page = (await browser.get("/tasks/t1")).text
    assert "The buttons would be refused: you have approved it already" in page
    again = await browser.decide(**SAME)
    assert (again.status_code, "another person has to as well" in again.text) == (409, True)
    monkeypatch.setattr(identity, "DEVELOPER", "lead@example.com")
    assert (await browser.decide(**SAME)).status_code == 303
    record = await world.record("t1")
    assert (record.state, [a.by for a in record.review.approvals]) == (
        "READY",
        ["developer@localhost", "lead@example.com"],
    )


async def missing(browser: Browser) -> str:
    """The sentence on who has approved and who still has to, as it is read."""
    found = re.search(r'<p id="missing">(.*?)</p>', (await browser.get("/tasks/t1")).text, re.DOTALL)
    assert found is not None
    return unescape(re.sub(r"<[^>]+>", "", found[1]))


async def test_small_amount_takes_one_person_and_says_nothing_of_more(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert 'id="missing"' not in (await browser.get("/tasks/t1")).text
    await browser.decide(**SAME)
    assert (await world.record("t1")).state == "READY"


async def test_person_who_is_no_approver_is_told_and_refused(http: httpx.AsyncClient) -> None:
    world = await paused(approvers={"refund_request": frozenset({"lead@example.com"})})
    browser = open_browser(http, world)
    assert "not an approver" in (await browser.get("/tasks/t1")).text
    assert (await browser.decide(**SAME)).status_code == 403
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_page_asks_whose_request_it_is_where_the_event_does_not_say(http: httpx.AsyncClient) -> None:
    nobody = AutomationTask(task_id="t1", source="slack", raw_payload={"event": {"text": "Where is my order #47384?"}})
    world = await paused((nobody, ORDER_STATUS[1]))
    browser = open_browser(http, world)
    assert 'name="requester_email"' in (await browser.get("/tasks/t1")).text
    form = {"edited": "yes", "p.order_id": "#47384"}
    refused = await browser.decide(**form)
    assert (refused.status_code, "does not say whose request this is" in refused.text) == (422, True)
    again = await browser.decide(**form, requester_email="<b>@example.com ")
    assert (again.status_code, 'value="&lt;b&gt;@example.com ' in again.text) == (303, False)
    record = await world.record("t1")
    assert (record.state, record.requester and record.requester.email) == ("READY", "<b>@example.com")
    page = (await browser.get("/tasks/t1")).text
    assert "Requester, as developer@localhost says" in page
    assert "<b>@" not in page
    assert "approved, requester set" in page


async def test_page_of_a_known_requester_asks_nobody_for_one(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused(REFUND))
    page = (await browser.get("/tasks/t1")).text
    assert 'name="requester_email"' not in page
    assert "Requester, as helpdesk says" in page
