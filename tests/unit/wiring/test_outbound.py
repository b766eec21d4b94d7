"""The client handlers get: what it sends, and what each status says of the effect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from shared.intent.http import Reply
from shared.intent.outcomes import Ambiguous, HandlerOutcome, LockedOut, NotApplied, Permanent
from shared.wiring.lanes import Pool
from tests.unit.wiring.calls import answering, outbound

# --- what is sent


async def test_a_call_carries_token_key_and_quoted_values(pool: Pool) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"id": "x"}, headers={"Request-Id": "r1", "Set-Cookie": "session=1; Path=/"})

    http = outbound("https://shop.test/api/", pool, token="secret\n", transport=httpx.MockTransport(answer))
    reply = await http.call("post", "/orders/{id}/cancel", fill={"id": "a/b?c"}, json={"a": 1}, key="t1.op.1")
    await http.call("GET", "/orders", params={"q": "x y"})

    assert reply == Reply(201, {"id": "x"}, '{"id":"x"}', {"request-id": "r1", "content-type": "application/json"})
    assert reply.get("id") == "x"
    write, read = seen
    assert write.url.raw_path == b"/api/orders/a%2Fb%3Fc/cancel"
    assert write.headers["Authorization"] == "Bearer secret"
    assert write.headers["Idempotency-Key"] == "t1.op.1"
    assert read.url.params["q"] == "x y"
    assert "Idempotency-Key" not in read.headers
    assert "Cookie" not in read.headers  # the client is shared: a cookie would travel between tasks


@pytest.mark.parametrize("body", ["<html>", "", "[" * 100_000, '{"a":'])
async def test_an_answer_that_is_no_json_has_no_data(body: str, pool: Pool) -> None:
    reply = await outbound("http://a.test", pool, transport=answering(200, text=body)).call("GET", "/")
    assert (reply.data, reply.text, reply.get("a")) == (None, body, None)


@pytest.mark.parametrize(
    "path",
    [
        "orders",
        "//evil.test/orders",
        "https://evil.test/",
        "/orders/../admin",
        "/orders/%2e%2e/admin",
        "/orders?x=1",
        "/orders#x",
        "/orders\\x",
        "/orders\r\nHost: evil.test",
        "/orders/{missing}",
        "",
    ],
)
async def test_a_path_can_leave_neither_the_host_nor_the_line(path: str, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await outbound("http://a.test", pool, transport=answering()).call("GET", path)
    assert caught.value.code == "bad_path"


@pytest.mark.parametrize("value", ["", "..", "a/../b"])
async def test_a_value_cannot_change_the_path(value: str, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await outbound("http://a.test", pool, transport=answering()).call("GET", "/o/{id}/x", fill={"id": value})
    assert caught.value.code == "bad_path"


@pytest.mark.parametrize(
    "changed",
    [
        {"headers": {"X-Note": "a\r\nX-Evil: 1"}},
        {"key": "a\nb"},
        {"json": float("nan")},
        {"params": {"q": "x" * 70_000}},
    ],
)
async def test_what_cannot_be_sent_is_refused_before_the_start_marker(changed: dict[str, Any], pool: Pool) -> None:
    started: list[bool] = []

    async def start() -> None:
        started.append(True)

    with pytest.raises(Permanent) as caught:
        await outbound("http://a.test", pool, transport=answering(), before_write=start).call("POST", "/", **changed)
    assert caught.value.code == "bad_request"
    assert not started


# --- what a status says


@pytest.mark.parametrize(
    ("status", "write", "read"),
    [
        (206, Ambiguous, Permanent),
        (400, Permanent, Permanent),
        (401, LockedOut, LockedOut),
        (403, LockedOut, LockedOut),
        (404, Permanent, Permanent),
        (408, Ambiguous, NotApplied),
        (409, Permanent, Permanent),
        (422, Permanent, Permanent),
        (429, NotApplied, NotApplied),
        (500, Ambiguous, NotApplied),
        (502, Ambiguous, NotApplied),
        (503, Ambiguous, NotApplied),
        (504, Ambiguous, NotApplied),
    ],
)
async def test_a_status_says_what_is_known_of_the_effect(
    status: int, write: type[HandlerOutcome], read: type[HandlerOutcome], pool: Pool
) -> None:
    http = outbound("http://a.test", pool, transport=answering(status))
    for method, expected in (("POST", write), ("GET", read)):
        with pytest.raises(HandlerOutcome) as caught:
            await http.call(method, "/orders")
        assert type(caught.value) is expected
        assert caught.value.code == f"provider_{status}"


async def test_a_conflict_on_a_key_means_the_first_call_is_under_way(pool: Pool) -> None:
    with pytest.raises(Ambiguous):
        await outbound("http://a.test", pool, transport=answering(409)).call("POST", "/orders", key="k")


async def test_an_expected_status_is_an_answer(pool: Pool) -> None:
    http = outbound("http://a.test", pool, transport=answering(404, json={"error": "x"}))
    assert (await http.call("GET", "/orders", expect=(200, 404))).get("error") == "x"


@pytest.mark.parametrize(
    ("method", "expected", "code"), [("POST", Ambiguous, "provider_{}"), ("GET", Permanent, "redirect_refused")]
)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_a_redirect_is_not_followed_and_of_a_write_leaves_it_open(
    status: int, method: str, expected: type[HandlerOutcome], code: str, pool: Pool
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, headers={"Location": "http://169.254.169.254/"})

    with pytest.raises(HandlerOutcome) as caught:
        await outbound("http://a.test", pool, transport=httpx.MockTransport(answer)).call(method, "/orders")
    assert (type(caught.value), caught.value.code) == (expected, code.format(status))
    assert asked == ["http://a.test/orders"]


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("999999999", 3600, 3600),
        (timedelta(minutes=5), 200, 300),
        (timedelta(minutes=-5), 0, 0),
    ],
)
async def test_retry_after_is_read_as_seconds_or_date(
    value: str | timedelta, low: float, high: float, pool: Pool
) -> None:
    if isinstance(value, timedelta):
        value = format_datetime(datetime.now(UTC) + value, usegmt=True)
    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, transport=answering(429, headers={"Retry-After": value})).call(
            "POST", "/"
        )
    assert caught.value.retry_after_s is not None
    assert low <= caught.value.retry_after_s <= high


@pytest.mark.parametrize("value", ["soon", "-1", "1e9", "nan", "²", ""])
async def test_a_retry_after_nobody_can_read_is_ignored(value: str, pool: Pool) -> None:
    headers = {"Retry-After": value.encode()}
    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, transport=answering(429, headers=headers)).call("POST", "/")
    assert caught.value.retry_after_s is None
