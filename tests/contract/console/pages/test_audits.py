"""The queue of audits and the breakers on the page: answered in one press, without JavaScript too."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.contract.console.pages.browser import HOSTILE, open_browser
from tests.scripted import ScriptedHandler
from tests.steps.test_audits import Drawn, audit, audited, label
from tests.steps.test_breakers import WHY, trip
from tests.world import SUMMARY, World, ticket


async def test_words_stand_beside_what_ran_and_one_press_answers(http: httpx.AsyncClient) -> None:
    world = await audited(2)
    browser = open_browser(http, world)
    page = (await browser.get("/audits")).text
    assert "Where is my order #47384?" in page
    assert "It is on its way" in page
    assert re.findall(r'data-press="(.)"', page) == ["y", "p", "n"]  # of the first alone
    answer = await browser.post("/audits/t1", {"verdict": "right", "intent": ""})
    assert answer.headers["location"] == "/audits?answered=t1"
    page = (await browser.get("/audits?answered=t1")).text
    assert "t1: right" in page
    assert 'id="a-t1"' not in page
    assert label(world)["verdict"] == "right"
    await browser.post("/audits/t2", {"verdict": "wrong_parameters", "intent": "cancel_order"})
    assert (label(world, "t2")["intent"], label(world, "t2")["verdict"]) == ("order_status", "corrected")
    assert "Nothing is left to look at" in (await browser.get("/audits")).text


async def test_blind_audit_shows_what_ran_after_the_answer(http: httpx.AsyncClient) -> None:
    world = await audited(blind=True)
    browser = open_browser(http, world)
    page = (await browser.get("/audits")).text
    assert "It is on its way" not in page
    assert page.count("order_status") == page.count("<option>order_status</option>") == 1
    refused = await browser.post("/audits/t1", {"intent": ""})
    assert (refused.status_code, "t1: say which intent it is" in refused.text) == (422, True)
    await browser.post("/audits/t1", {"intent": "cancel_order"})
    page = (await browser.get("/audits?answered=t1")).text
    assert "it ran as <code>order_status</code>, and you said <code>cancel_order</code>" in page


@pytest.mark.parametrize("form", [{}, {"verdict": "perhaps"}, {"verdict": "wrong_intent", "intent": "make_tea"}])
async def test_answer_that_is_none_comes_back_with_the_reason(http: httpx.AsyncClient, form: dict[str, str]) -> None:
    world = await audited()
    answer = await open_browser(http, world).post("/audits/t1", form)
    assert (answer.status_code, 'role="alert" id="error"' in answer.text) == (422, True)
    assert (audit(world) or pytest.fail("it is gone")).open


async def test_what_strangers_wrote_stays_text(http: httpx.AsyncClient) -> None:
    world = World(SUMMARY[1], audit_share=1.0)
    world.ports.random = Drawn(0.999, 0.9)  # type: ignore[assignment]
    await world.run(ticket("<script>alert(1)</script> Please tell the team"), ScriptedHandler(HOSTILE))
    page = (await open_browser(http, world).get("/audits")).text
    assert 'id="a-t1"' in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


async def test_health_shows_an_open_breaker_and_takes_the_reason_to_arm_it(http: httpx.AsyncClient) -> None:
    world = World()
    browser = open_browser(http, world)
    assert "Breakers" not in (await browser.get("/health")).text
    await trip(world, "order_status")
    assert WHY in (await browser.get("/health")).text
    assert (await browser.post("/breakers/order_status/rearm", {"reason": " "})).status_code == 422
    assert (await browser.post("/breakers/order_status/rearm", {"reason": "<b>mended</b>"})).status_code == 303
    page = (await browser.get("/health")).text
    assert "armed again by developer@localhost" in page
    assert "&lt;b&gt;mended&lt;/b&gt;" in page
