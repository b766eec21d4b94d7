"""The page of today's policy: what decides, and what other settings would have made of the newest tasks."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest

from tests.certificates import certificate
from tests.contract.console.pages.browser import HOSTILE, open_browser
from tests.world import ORDER_STATUS, REFUND, World, paused, ticket

TODAY = {"CONFIDENCE_THRESHOLD": "0.8", "CERTIFICATION": "off", "CERTIFICATE": "", "limit": "100"}


def typed(page: str) -> dict[str, str]:
    """The values of the form's text fields, as a browser shows them."""
    inputs = re.findall(r'<input[^>]* name="([A-Za-z_.]+)" value="([^"]*)"', page)
    [certificate_text] = re.findall(r'name="CERTIFICATE"[^>]*>\n(.*?)</textarea>', page, re.S)
    return {name: html.unescape(value) for name, value in [*inputs, ("CERTIFICATE", certificate_text)]}


def cells(page: str) -> list[str]:
    """The rows of all tables, their words only."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


async def test_policy_of_today_fills_the_form(http: httpx.AsyncClient) -> None:
    world = World(
        automatic={"refund_request": {"USD": 125_000, "EUR": 4500}, "cancel_order": None},
        disabled_intents=frozenset({"ticket_summary"}),
        approvers={"*": frozenset({"lead@example.com"})},
        certificate=certificate(),
    )
    world.store.put("switches/order_status", enabled=False)
    page = (await open_browser(http, world).get("/policy")).text
    values = typed(page)
    assert values["CONFIDENCE_THRESHOLD"] == "0.8"
    assert values["allowance.refund_request"] == "1250.00 USD|45.00 EUR"
    assert '"model":"m"' in values["CERTIFICATE"]
    assert re.findall(r'name="((?:alone|off)\.[a-z_]+)" value="yes" checked', page) == [
        "alone.cancel_order",
        "off.ticket_summary",
    ]
    assert "order_status off by switches/order_status none when sure any number lead@example.com off" in " ".join(
        cells(page)
    )
    assert "What would be different" not in page


async def test_form_as_it_is_filled_in_changes_nothing(http: httpx.AsyncClient) -> None:
    world = await paused(automatic={"refund_request": {"USD": 1000}}, certificate=certificate())
    browser = open_browser(http, world)
    before = dict(world.store.documents)
    answer = await browser.post("/policy", typed((await browser.get("/policy")).text) | {"limit": "100"})
    assert answer.status_code == 200
    assert "No task would take another way." in answer.text
    assert world.store.documents == before


async def test_allowance_that_is_tried_shows_which_tasks_would_run(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused(approvers={"*": frozenset({"lead@example.com"})}))
    answer = await browser.post("/policy", TODAY | {"allowance.refund_request": "50.00 USD"})
    rows = cells(answer.text)
    for row in (
        "run by themselves 0 1",
        "of them expected wrong 0 (0 judged, 0 by their intent) unknown: no labels",
        "approvals a day 1.0 0.0",
        "money a day by itself 0.00 USD 25.00 USD",
        "asked of lead@example.com a day 1.0 (0.0 decided) 0.0",
        "would run refund_request policy 1",
        "t1 would run refund_request 25.00 USD 0.95 policy",
    ):
        assert row in rows
    assert typed(answer.text)["allowance.refund_request"] == "50.00 USD"


async def test_decisions_of_people_say_how_many_would_be_wrong(http: httpx.AsyncClient) -> None:
    world = World()
    for n in range(12):
        world.model.answers = [_of_order(n)]
        text, sender = REFUND[0].raw_payload["text"].replace("10021", f"1002{n}"), f"p{n}@example.com"
        await world.classify(ticket(text, task_id=f"r{n}", email=sender))
        if n < 10:
            await world.decide(
                f"r{n}", "reject" if n < 2 else "approve", **({"cause": "wrong_intent"} if n < 2 else {})
            )
    answer = await open_browser(http, world).post("/policy", TODAY | {"allowance.refund_request": "50.00 USD"})
    assert "of them expected wrong 0 (0 judged, 0 by their intent) 2.4 (10 judged, 2 by their intent)" in cells(
        answer.text
    )


async def test_label_of_an_audit_counts_where_the_record_says_nothing(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    world.store.put("labels/t1", right=False)
    answer = await open_browser(http, world).post("/policy", TODAY | {"CONFIDENCE_THRESHOLD": "0.99"})
    assert "of them expected wrong 1 (1 judged, 0 by their intent) 0 (0 judged, 0 by their intent)" in cells(
        answer.text
    )
    assert "t1 would wait order_status 0.95 low_confidence wrong" in cells(answer.text)


async def test_what_is_not_proven_would_wait(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    answer = await open_browser(http, world).post("/policy", TODAY | {"CERTIFICATION": "required"})
    assert "would wait order_status unproven 1" in cells(answer.text)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("CONFIDENCE_THRESHOLD", "1.5", "CONFIDENCE_THRESHOLD is '1.5'; it must be a number from 0 to 1"),
        ("CONFIDENCE_THRESHOLD", " ", "CONFIDENCE_THRESHOLD must be a number from 0 to 1"),
        ("allowance.refund_request", "50 dollars", "a ceiling is written refund_request<=50.00 USD"),
        ("allowance.refund_request", "1,250.00 USD", "an amount is written without a comma"),
        ("allowance.refund_request", HOSTILE, "a ceiling is written refund_request<=50.00 USD"),
        ("CERTIFICATE", f"</textarea>{HOSTILE}", "CERTIFICATE is no certificate"),
    ],
)
async def test_setting_that_cannot_be_used_comes_back_as_it_was_typed(
    http: httpx.AsyncClient, field: str, value: str, said: str
) -> None:
    browser = open_browser(http, await paused())
    answer = await browser.post("/policy", TODAY | {"off.cancel_order": "yes", field: value})
    assert answer.status_code == 400
    assert said in html.unescape(re.sub(r"<[^>]+>", "", answer.text))
    assert typed(answer.text)[field] == value
    assert 'name="off.cancel_order" value="yes" checked' in answer.text
    assert "<script>alert" not in answer.text
    assert 'aria-invalid="true"' in answer.text


async def test_another_site_cannot_have_settings_tried(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused())
    assert (await browser.http.post("/policy", data=TODAY)).status_code == 403


def _of_order(n: int) -> Any:
    answer: dict[str, Any] = dict(REFUND[1])
    return answer | {"parameters": answer["parameters"] | {"order_id": f"#1002{n}"}}
