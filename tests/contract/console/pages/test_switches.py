"""The kill switch of an intent on the page and through the API: who may, what it says, what a refused form keeps."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.console.api.calls import code, serve
from tests.contract.console.pages.browser import open_browser
from tests.world import World

OFF = {"set": "off", "reason": "the shop refunds twice <b>"}


async def test_intent_is_stopped_and_let_run_again_in_the_persons_name(http: httpx.AsyncClient) -> None:
    world = World()
    browser = open_browser(http, world)
    assert '<a href="/switches">' in (await browser.get("/health")).text
    assert (await browser.post("/switches/refund_request", OFF)).status_code == 303
    assert world.store.documents["switches/refund_request"][0] == {
        "enabled": False,
        "by": "developer@localhost",
        "at": world.store.now,
        "reason": "the shop refunds twice <b>",
    }
    page = (await browser.get("/switches")).text
    assert "Stopped by <strong>developer@localhost</strong>" in page
    assert "the shop refunds twice &lt;b&gt;" in page
    assert (await browser.post("/switches/refund_request", {"set": "on", "reason": "mended"})).status_code == 303
    assert world.store.documents["switches/refund_request"][0]["enabled"] is True


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"reason": " "}, 422, "say why"),
        ({"set": "on"}, 409, "refund_request is on already"),
        ({"set": "maybe"}, 422, "choose on or off"),
    ],
)
async def test_refused_form_keeps_what_was_typed(
    http: httpx.AsyncClient, form: dict[str, str], status: int, words: str
) -> None:
    world = World()
    refused = await open_browser(http, world).post("/switches/refund_request", OFF | {"reason": "my words"} | form)
    assert (refused.status_code, words in refused.text) == (status, True)
    assert ('value="my words"' in refused.text) == ("reason" not in form)
    assert "switches/refund_request" not in world.store.documents


async def test_who_is_no_approver_is_told_and_sets_nothing(http: httpx.AsyncClient) -> None:
    world = World(approvers={"refund_request": frozenset({"lead@example.com"})})
    browser = open_browser(http, world)
    page = (await browser.get("/switches")).text
    assert "you are not an approver of refund_request" in page
    assert 'action="/switches/refund_request"' not in page
    assert (await browser.post("/switches/refund_request", OFF)).status_code == 403
    assert "switches/refund_request" not in world.store.documents


async def test_api_tells_of_each_intent_and_sets_its_switch(http: httpx.AsyncClient) -> None:
    world = serve(World())
    world.store.put("switches/cancel-order", enabled=False)
    body = {"enabled": False, "reason": "the shop refunds twice"}
    done = (await http.post("/api/switches/refund_request", json=body)).json()
    assert (done["on"], done["by"], done["reason"]) == (False, "developer@localhost", "the shop refunds twice")
    found = (await http.get("/api/switches")).json()["switches"]
    assert (found["refund_request"]["does"], found["order_status"]["does"]) == ("off", "on")
    assert found["cancel-order"]["does"].startswith("nothing: there is no intent of this name; did you mean")
    assert code(await http.post("/api/switches/refund_request", json=body)) == "already_off"
    assert code(await http.post("/api/switches/make_tea", json=body)) == "intent_not_found"
    assert code(await http.post("/api/switches/refund_request", json=body | {"reason": ""})) == "invalid_body"
    assert (await http.get("/api/switches/refund_request")).status_code == 405
