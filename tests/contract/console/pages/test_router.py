"""The page of the router: what it shows, what its forms do, and that a refused one keeps what was typed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from functions.console.identity import DEVELOPER
from shared.records import routers
from shared.task.moves import Person
from tests.contract.console.pages.browser import HOSTILE, Browser, open_browser
from tests.world import ORDER_STATUS, REFUND, World

WHO = Person(DEVELOPER, "console")


def world_of(**settings: Any) -> World:
    return World(REFUND[1], **{"promoters": frozenset({DEVELOPER}), "classifier": "genai"} | settings)


async def opened(http: httpx.AsyncClient, **settings: Any) -> tuple[Browser, str]:
    """Return a browser on a world with one version, and its hash."""
    world = world_of(**settings)
    return open_browser(http, world), await routers.upload(world.ports, WHO, "prompt", "Answer as a clerk.")


async def test_page_leads_from_rules_to_shadow_to_promotion_and_back(http: httpx.AsyncClient) -> None:
    world = world_of()
    browser = open_browser(http, world)
    assert "Nothing was promoted as yet" in (await browser.get("/router")).text
    assert (await browser.post("/router/upload", {"kind": "prompt", "content": "Be brief."})).status_code == 303
    [version] = await routers.versions(world.ports.store)
    asked = {"hash": version.hash, "share": "1", "calls_a_day": "9"}
    assert (await browser.post("/router/shadow", asked)).status_code == 303
    await world.classify(ORDER_STATUS[0])
    page = (await browser.get("/router")).text
    assert f"<code>{version.hash[:12]}</code> is asked beside about 100% of the tickets" in page
    assert "today 1 of 9 calls" in page
    assert "1 tickets; here are the newest 1" in page
    assert (await browser.post("/router/promote", {"hash": version.hash, "reason": "better"})).status_code == 303
    assert "Before: what the settings say." in (await browser.get("/router")).text
    world.pass_time(seconds=1)
    assert (await browser.post("/router/back", {"reason": "worse"})).status_code == 303
    told = [(entry.hash, entry.reason) for entry in await routers.history(world.ports.store)]
    assert told == [("", "worse"), (version.hash, "better")]


async def test_flips_lead_to_their_tasks(http: httpx.AsyncClient) -> None:
    browser, version = await opened(http)
    await routers.shadow(browser.world.ports, WHO, {"hash": version, "share": 1.0, "calls_a_day": 9})
    browser.world.model.answers = [REFUND[1], ORDER_STATUS[1] | {"parameters": {"order_id": "#10021"}}]
    await browser.world.classify(REFUND[0])
    page = (await browser.get(f"/router?version={version}")).text
    assert '<a href="/tasks/t1">t1</a>' in page
    assert "<pre>Answer as a clerk.</pre>" in page
    assert "refund_request, approve" in page


@pytest.mark.parametrize(
    ("action", "form", "why"),
    [
        ("shadow", {"hash": "", "share": "0.2", "calls_a_day": "5"}, "choose a version"),
        ("shadow", {"hash": "VERSION", "share": "2", "calls_a_day": "5"}, "a number from 0 to 1"),
        ("shadow", {"hash": "VERSION", "share": "0.2", "calls_a_day": "many"}, "a whole number"),
        ("promote", {"hash": "VERSION", "reason": " "}, "say why"),
        ("promote", {"hash": "f" * 64, "reason": "x"}, "there is no such version"),
        ("promote", {"hash": "settings", "reason": "x"}, "decides already"),
        ("back", {"reason": "x"}, "nothing was promoted as yet"),
        ("upload", {"kind": "weights", "content": "AAAA"}, "at a terminal"),
        ("upload", {"kind": "model", "content": HOSTILE}, "letters, digits"),
        ("upload", {"kind": "prompt", "content": " "}, "write the rules"),
    ],
)
async def test_refused_form_says_why_and_keeps_what_was_typed(
    http: httpx.AsyncClient, action: str, form: dict[str, str], why: str
) -> None:
    browser, version = await opened(http)
    sent = {name: version if value == "VERSION" else value for name, value in form.items()}
    answer = await browser.post(f"/router/{action}", sent)
    assert 400 <= answer.status_code < 500
    assert why in answer.text
    assert "<script>alert" not in answer.text
    if action == "shadow":
        assert f'value="{form["share"]}"' in answer.text


async def test_hostile_words_stay_text(http: httpx.AsyncClient) -> None:
    browser, version = await opened(http)
    browser.world.store.put(f"routers/{version}", about=HOSTILE, by=HOSTILE)
    page = (await browser.get("/router")).text + (await browser.get(f"/router?version={version}")).text
    assert "<script>alert" not in page
    assert "\u202e" not in page


async def test_whoever_is_no_promoter_sees_it_and_has_no_forms(http: httpx.AsyncClient) -> None:
    browser, version = await opened(http)
    browser.world.set(promoters=frozenset({"ml@example.com"}))
    page = (await browser.get("/router")).text
    assert "PROMOTERS does not name you" in page
    assert '<form method="post"' not in page
    refused = await browser.post("/router/promote", {"hash": version, "reason": "mine"})
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "path", ["/router?version=../x", f"/router?version={'0' * 64}", "/router?hash=x", "/router/nothing"]
)
async def test_what_is_not_there_is_said_so(http: httpx.AsyncClient, path: str) -> None:
    browser, _ = await opened(http)
    assert (await browser.get(path)).status_code in (400, 404)


async def test_form_without_the_pages_token_changes_nothing(http: httpx.AsyncClient) -> None:
    browser, version = await opened(http)
    answer = await http.post("/router/promote", data={"hash": version, "reason": "x"})
    assert answer.status_code == 403
    assert await routers.history(browser.world.ports.store) == []
