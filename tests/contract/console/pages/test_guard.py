"""Forms of other sites, and whatever else must not decide."""

from __future__ import annotations

import httpx
import pytest

from functions.console import guard
from tests.contract.console.pages.browser import SAME, open_browser, shown
from tests.world import World, paused


async def test_form_without_the_pages_token_changes_nothing(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    await browser.get("/")
    form = {"decision": "approve", "intent": "refund_request", **await shown(world), **SAME}
    for token in ({}, {"csrf": ""}, {"csrf": "x" * 32}):
        assert (await http.post("/tasks/t1/decide", data=form | token)).status_code == 403
    http.cookies.clear()
    assert (await http.post("/tasks/t1/decide", data=form | {"csrf": ""})).status_code == 403
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
    ],
)
async def test_form_from_another_site_is_refused_even_with_the_token(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    world = await paused()
    browser = open_browser(http, world)
    form = {"decision": "reject", "intent": "refund_request", **await shown(world)}
    assert (await browser.post("/tasks/t1/decide", form, **headers)).status_code == 403
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_cookie_is_out_of_reach_for_scripts_and_other_sites(http: httpx.AsyncClient) -> None:
    cookie = (await open_browser(http, World()).get("/")).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


async def test_cookie_of_the_cloud_is_bound_to_host_and_https() -> None:
    from starlette.requests import Request
    from starlette.responses import Response

    request = Request({"type": "http", "headers": []})
    protected = guard.protect(Response(), guard.token_of(request, local=False), local=False)
    assert protected.headers["set-cookie"].startswith("__Host-switchyard=")
    assert "Secure" in protected.headers["set-cookie"]


@pytest.mark.parametrize("path", ["/tasks/t1/decide", "/tasks/t1/redrive", "/bulk"])
async def test_looking_never_decides(http: httpx.AsyncClient, path: str) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.get(path)).status_code in (404, 405)
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_local_console_answers_no_other_host_name(http: httpx.AsyncClient) -> None:
    open_browser(http, await paused())
    assert (await http.get("/", headers={"host": "evil.example"})).status_code == 403
