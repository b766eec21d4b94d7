"""Hostile queries, forms, cookies and records against the pages: no 5xx, nothing unescaped, nothing decided."""

from __future__ import annotations

import asyncio
import operator
import re
from typing import Any
from urllib.parse import urlencode

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

import functions.console.main as console
from shared.wiring import composition
from tests.world import World, deployed, says, ticket

APP = deployed(console, "console")
TOKEN = "t" * 32
TAG = "<script>x</script>"
PATHS = (
    "/",
    "/tasks",
    "/tasks/t1",
    "/tasks/t1/payload",
    "/tasks/t1/decide",
    "/tasks/t1/settle",
    "/tasks/t1/redrive",
    "/tasks/t1/cancel",
    "/tasks/t1/preview",
    "/bulk",
    "/dead-letters",
    "/health",
    "/policy",
    "/static/x/console.css",
    "/static/%2e%2e/page.py",
    "/favicon.ico",
    "//evil.example/",
)
NAMES = (
    "state",
    "intent",
    "source",
    "since",
    "until",
    "page_token",
    "id",
    "decision",
    "params_hash",
    "comment",
    "requester_email",
    "reason",
    "verdict",
    "generation",
    "looked_at",
    "pick",
    "action",
    "confirmed",
    "back",
    "CONFIDENCE_THRESHOLD",
    "CERTIFICATION",
    "CERTIFICATE",
    "allowance.refund_request",
    "alone.cancel_order",
    "limit",
    "p.order_id",
    "p.amount_minor",
    "p.currency",
)


async def hostile_world() -> World:
    """Return a world with a waiting task that is all markup."""
    world = World(says("change_address", order_id="#20017", new_address=f"12 Street {TAG}"))
    await world.classify(ticket(f"{TAG} \u202e", email="x@example.com"))
    return world


SHOWN = asyncio.run(hostile_world()).store.documents["tasks/t1"][0]["params_hash"]
text = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        (
            TAG,
            "t1|",
            f"t1|1|{SHOWN}",
            SHOWN,
            "1",
            "edit",
            "approve",
            "yes",
            "refund_request",
            "-1",
            "9" * 400,
            "\x00",
            "\u202e",
            "//evil",
            "2026-01-05",
            "0001-01-01T00:00:00+14:00",
            "redrive_letter",
            "close_letter",
            "AWAITING_APPROVAL",
            "unclassified",
            "applied",
        )
    ),
)
pairs = st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=10)), text), max_size=6)
# A form as the page sends it, before whatever stands behind it overrules its fields.
looks = st.sampled_from(([], [("generation", "1"), ("params_hash", SHOWN)]))


async def answers(method: str, path: str, query: Any, form: Any, token: str) -> tuple[httpx.Response, bool]:
    """Send one request; also say whether it changed anything."""
    world = await hostile_world()
    composition.install(world.ports)
    before = dict(world.store.documents)
    transport = httpx.ASGITransport(APP)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", cookies={"switchyard": token}
    ) as http:
        body = urlencode([*form, ("csrf", token)], errors="surrogatepass") if method == "POST" else None
        headers = {"content-type": "application/x-www-form-urlencoded"}
        url = f"{path}?{urlencode(query, errors='surrogatepass')}" if query else path
        answer = await http.request(method, httpx.URL(f"http://127.0.0.1{url}"), content=body, headers=headers)
    composition.install(None)
    return answer, world.store.documents != before


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(("GET", "POST", "HEAD")),
    st.sampled_from(PATHS),
    pairs,
    st.builds(operator.add, looks, pairs),
    st.sampled_from((TOKEN, "", "é", "<")),
)
def test_no_request_breaks_a_page_or_puts_markup_into_it(
    method: str, path: str, query: Any, form: Any, token: str
) -> None:
    token = token if token.isascii() else TOKEN
    answer, changed = asyncio.run(answers(method, path, query, form, token))
    assert answer.status_code < 500
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert TAG not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r'href="(//|javascript:)', answer.text)
    assert not answer.headers.get("location", "/").startswith("//")
    if changed:
        assert (method, token) == ("POST", TOKEN)
        sent = dict(form)
        assert sent.get("decision") in ("approve", "reject", "edit") or path.endswith("/cancel") or "/bulk" in path
        if path == "/bulk":
            assert ("pick", f"t1|1|{SHOWN}") in form
        else:
            assert (sent.get("generation"), sent.get("params_hash")) == ("1", SHOWN)
