"""The client handlers get: what may be sent where, and what each failure says of the effect."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.intent.http import Reply
from shared.intent.outcomes import Ambiguous, HandlerOutcome, LockedOut, NotApplied, Permanent
from shared.wiring.lanes import MAX_REST_S, TOLERATED_FAILURES, Pool, is_public
from shared.wiring.outbound import MAX_REPLY_BYTES, Outbound

SECRET, VALUE = "token-nobody-may-see", "value-nobody-may-see"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()


def outbound(url: str, pool: Pool, *, deadline_s: float = 5.0, **settings: Any) -> Outbound:
    deadline = asyncio.get_running_loop().time() + deadline_s
    given = {"token": SECRET, "allow_private": True, "max_in_flight": 10, **settings}
    return Outbound(url, deadline=deadline, pool=pool, **given)


def answering(status: int = 200, **answer: Any) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, **answer))


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve raw connections and yield the URL."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    await writer.drain()


# --- what is sent ---------------------------------------------------------------------------------------------------


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
    "changed", [{"headers": {"X-Note": "a\r\nX-Evil: 1"}}, {"key": "a\nb"}, {"json": float("nan")}]
)
async def test_what_cannot_be_sent_is_refused_before_the_start_marker(changed: dict[str, Any], pool: Pool) -> None:
    started: list[bool] = []

    async def start() -> None:
        started.append(True)

    with pytest.raises(Permanent) as caught:
        await outbound("http://a.test", pool, transport=answering(), before_write=start).call("POST", "/", **changed)
    assert caught.value.code == "bad_request"
    assert not started


# --- what a status says ---------------------------------------------------------------------------------------------


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
        await pool.close()
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
        ("1.5", 1.5, 1.5),
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


def in_seconds(seconds: float, unit_s: float = 1.0) -> str:
    return str(int((time.time() + seconds) / unit_s))


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After-Ms": "1500"}, 1.5, 1.5),
        ({"x-ms-retry-after-ms": "250", "Retry-After": "9"}, 0.25, 0.25),
        ({"RateLimit-Reset": "30"}, 30, 30),
        ({"X-RateLimit-Reset-After": "1.25"}, 1.25, 1.25),
        ({"X-RateLimit-Reset": lambda: in_seconds(300)}, 295, 300),
        ({"X-RateLimit-Reset": lambda: in_seconds(300, 0.001)}, 295, 300),
        ({"X-RateLimit-Reset": lambda: in_seconds(-300)}, 0, 0),
        ({"X-RateLimit-Reset": lambda: in_seconds(86_400)}, 3600, 3600),
        ({"X-RateLimit-Reset": lambda: in_seconds(300), "Retry-After": "5"}, 5, 5),
    ],
)
async def test_the_end_of_a_quota_is_read_from_whatever_header_tells_it(
    headers: dict[str, Any], low: float, high: float, pool: Pool
) -> None:
    told = {name: value if isinstance(value, str) else value() for name, value in headers.items()}
    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, transport=answering(429, headers=told)).call("POST", "/")
    assert caught.value.retry_after_s is not None
    assert low <= caught.value.retry_after_s <= high


@pytest.mark.parametrize(("status", "left", "waits"), [(403, "0", True), (403, "12", False), (503, "0", False)])
async def test_the_end_of_a_quota_matters_only_where_it_is_used_up(
    status: int, left: str, waits: bool, pool: Pool
) -> None:
    headers = {"X-RateLimit-Reset": in_seconds(300), "X-RateLimit-Remaining": left}
    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, transport=answering(status, headers=headers)).call("GET", "/")
    assert (caught.value.retry_after_s is not None) == waits


# --- a host in trouble is left alone ----------------------------------------------------------------------------------


class Host:
    """A provider whose next answers are told, and which counts how often it is asked."""

    def __init__(self, *statuses: int, **headers: str) -> None:
        self.statuses, self.headers, self.asked = list(statuses), headers, 0
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, json={}, headers=self.headers if status >= 400 else {})

    async def call(self, pool: Pool, method: str = "POST", **settings: Any) -> HandlerOutcome | None:
        try:
            await outbound("http://a.test", pool, transport=self.transport, **settings).call(method, "/orders")
        except HandlerOutcome as outcome:
            return outcome
        return None


@pytest.mark.parametrize(("status", "expected"), [(503, NotApplied), (500, NotApplied), (401, LockedOut)])
async def test_after_three_failures_nothing_is_sent_and_what_is_not_sent_did_nothing(
    status: int, expected: type[HandlerOutcome], pool: Pool
) -> None:
    host, started = Host(status), []

    async def start() -> None:
        started.append(True)

    for _ in range(TOLERATED_FAILURES):
        await host.call(pool)
    refused = await host.call(pool, before_write=start)
    assert type(refused) is expected
    assert isinstance(refused, NotApplied)
    assert (refused.code, host.asked, started) == (f"provider_{status}", TOLERATED_FAILURES, [])
    assert refused.retry_after_s is not None
    assert 0 < refused.retry_after_s <= 1


async def test_a_host_is_asked_again_after_its_rest_and_then_forgiven(pool: Pool) -> None:
    host = Host(503, 503, 503, 200)
    for _ in range(4):
        await host.call(pool)
    await asyncio.sleep(1.05)
    assert [await host.call(pool) for _ in range(3)] == [None] * 3
    assert host.asked == 6


async def test_a_host_that_asks_for_time_gets_a_minute_at_most_and_its_task_all_of_it(pool: Pool) -> None:
    host = Host(429, **{"Retry-After": "300"})
    first, second = await host.call(pool), await host.call(pool, "GET")
    assert isinstance(first, NotApplied)
    assert isinstance(second, NotApplied)
    assert first.retry_after_s == 300
    assert second.retry_after_s is not None
    assert 59 < second.retry_after_s <= MAX_REST_S
    assert host.asked == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429])
async def test_refusals_of_single_requests_leave_the_host_open(status: int, pool: Pool) -> None:
    host = Host(status)
    for _ in range(6):
        await host.call(pool)
    assert host.asked == 6


async def test_requests_that_were_under_way_together_are_one_failure(pool: Pool) -> None:
    host = Host(503)
    await asyncio.gather(*(host.call(pool) for _ in range(10)))
    refused = await host.call(pool)
    assert isinstance(refused, NotApplied)
    assert refused.retry_after_s is not None
    assert refused.retry_after_s <= 1


# --- what a broken connection says ----------------------------------------------------------------------------------


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client gives up


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"this is not HTTP\r\n\r\n")
    await writer.drain()


async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    while not writer.is_closing():  # each byte comes in time, the answer never does
        writer.write(b" ")
        await asyncio.sleep(0.05)


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (MAX_REPLY_BYTES + 1))
    await writer.drain()


async def inflate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()


@pytest.mark.parametrize(
    ("serve", "code", "read"),
    [
        (hang, "timeout", NotApplied),
        (drip, "timeout", NotApplied),
        (drop, "connection_lost", NotApplied),
        (babble, "connection_lost", NotApplied),
        (break_off, "connection_lost", NotApplied),
        (inflate, "reply_unreadable", NotApplied),
        (flood, "reply_too_large", Permanent),
    ],
)
async def test_once_bytes_were_sent_a_write_is_ambiguous(
    serve: Serve, code: str, read: type[HandlerOutcome], pool: Pool
) -> None:
    deadline_s = 0.4 if code == "timeout" else 20
    async with listening(serve) as url:
        for method, expected in (("POST", Ambiguous), ("GET", read)):
            began = time.monotonic()
            with pytest.raises(HandlerOutcome) as caught:
                await outbound(url, pool, deadline_s=deadline_s).call(method, "/orders", json={"v": VALUE})
            assert type(caught.value) is expected
            assert caught.value.code == code
            assert time.monotonic() - began < 20


async def test_without_a_connection_nothing_was_applied(pool: Pool) -> None:
    async with listening(ok) as url:
        pass  # closed again: the port refuses
    with pytest.raises(NotApplied) as caught:
        await outbound(url, pool).call("POST", "/orders")
    assert caught.value.code == "no_connection"


async def test_a_name_without_an_address_means_nothing_was_applied(pool: Pool) -> None:
    for allow_private in (True, False):
        with pytest.raises(NotApplied) as caught:
            await outbound("https://nowhere.invalid", pool, allow_private=allow_private).call("POST", "/orders")
        assert caught.value.code == "no_connection"


async def test_a_connection_that_hangs_means_nothing_was_applied(pool: Pool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.create_connection(full.getsockname())]  # fills the queue: the next handshake gets no answer
        try:
            with pytest.raises(NotApplied) as caught:
                await outbound(f"http://127.0.0.1:{full.getsockname()[1]}", pool, deadline_s=0.6).call("POST", "/")
        finally:
            waiting[0].close()
    assert caught.value.code == "no_connection"


async def test_a_resolver_that_hangs_means_nothing_was_applied(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    async def resolve(*_: Any, **__: Any) -> None:
        await asyncio.sleep(5)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(NotApplied) as caught:
        await outbound("https://a.test", pool, deadline_s=0.3, allow_private=False).call("POST", "/")
    assert caught.value.code == "no_connection"


async def test_a_closed_pool_can_be_used_again(pool: Pool) -> None:
    async with listening(ok) as url:
        await outbound(url, pool).call("GET", "/")
        await pool.close()
        assert (await outbound(url, pool).call("GET", "/")).status == 200


async def test_cancellation_passes_through(pool: Pool) -> None:
    async with listening(hang) as url:
        call = asyncio.create_task(outbound(url, pool).call("POST", "/orders"))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


# --- deadline, throttle, start marker -------------------------------------------------------------------------------


async def test_a_deadline_already_past_sends_nothing(pool: Pool) -> None:
    sent: list[bool] = []

    def answer(_: httpx.Request) -> httpx.Response:
        sent.append(True)
        return httpx.Response(200)

    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, deadline_s=0, transport=httpx.MockTransport(answer)).call("POST", "/")
    assert caught.value.code == "deadline_passed"
    assert not sent


async def test_a_deadline_that_passes_while_the_marker_is_set_sends_nothing(pool: Pool) -> None:
    sent: list[bool] = []

    def answer(_: httpx.Request) -> httpx.Response:
        sent.append(True)
        return httpx.Response(200)

    async def slow_start() -> None:
        await asyncio.sleep(0.2)

    transport = httpx.MockTransport(answer)
    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, deadline_s=0.1, before_write=slow_start, transport=transport).call(
            "POST", "/"
        )
    assert caught.value.code == "deadline_passed"
    assert not sent


async def test_no_more_than_max_in_flight_calls_reach_a_host_at_once(pool: Pool) -> None:
    now, most = 0, 0

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return httpx.Response(200)

    transport = httpx.MockTransport(answer)
    tasks = [outbound("http://a.test", pool, max_in_flight=3, transport=transport) for _ in range(12)]
    await asyncio.gather(*(http.call("POST", "/") for http in tasks))
    assert most == 3


async def test_waiting_for_a_slot_ends_with_the_deadline(pool: Pool) -> None:
    async with listening(hang) as url:
        held = asyncio.create_task(outbound(url, pool, max_in_flight=1).call("GET", "/"))
        await asyncio.sleep(0.05)
        with pytest.raises(NotApplied) as caught:
            await outbound(url, pool, max_in_flight=1, deadline_s=0.1).call("POST", "/")
        assert caught.value.code == "throttled"
        held.cancel()
        await asyncio.wait([held])
        with pytest.raises(NotApplied) as caught:  # the slot is free again: this one gets through, and hangs
            await outbound(url, pool, max_in_flight=1, deadline_s=0.1).call("GET", "/")
        assert caught.value.code == "timeout"


async def test_the_start_marker_is_set_once_and_before_any_byte(pool: Pool) -> None:
    events: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        events.append(request.method)
        return httpx.Response(200)

    async def start() -> None:
        events.append("begin")
        await asyncio.sleep(0.01)
        events.append("started")

    http = outbound("http://a.test", pool, before_write=start, transport=httpx.MockTransport(answer))
    await http.call("GET", "/")
    await asyncio.gather(http.call("POST", "/"), http.call("PUT", "/"))
    assert events[:3] == ["GET", "begin", "started"]
    assert sorted(events[3:]) == ["POST", "PUT"]


async def test_a_refused_start_marker_lets_no_write_through(pool: Pool) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        return httpx.Response(200)

    async def refuse() -> None:
        raise LookupError("lease lost")

    http = outbound("http://a.test", pool, before_write=refuse, transport=httpx.MockTransport(answer))
    for _ in range(2):
        with pytest.raises(LookupError, match="lease lost"):
            await http.call("POST", "/")
    assert sent == []


# --- private addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "fd20:ce::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_an_address_that_is_not_global_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_global_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
async def test_a_name_of_this_machine_is_refused_before_a_connection(host: str, pool: Pool) -> None:
    connected: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(True)

    async with listening(serve) as url:
        port = url.rpartition(":")[2]
        with pytest.raises(Permanent) as caught:
            await outbound(f"https://{host}:{port}", pool, allow_private=False).call("POST", "/orders")
        assert caught.value.code == "address_refused"
        await asyncio.sleep(0.05)
    assert not connected


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]"])
async def test_private_and_metadata_addresses_are_refused(host: str, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await outbound(f"https://{host}", pool, allow_private=False, transport=answering()).call("GET", "/")
    assert caught.value.code == "address_refused"


@pytest.mark.parametrize(
    "url", ["http://a.test", "ftp://a.test", "https://", "https://user:pw@a.test", "https://a.test?x=1", "a.test"]
)
async def test_in_the_cloud_a_provider_is_https_and_a_plain_host(url: str, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await outbound(url, pool, allow_private=False, transport=answering()).call("GET", "/")
    assert caught.value.code == "bad_provider_url"
    assert "pw" not in str(caught.value)


class Addresses:
    """A resolver: each lookup of any name gets the next list of addresses."""

    def __init__(self, *lookups: list[str]) -> None:
        self._lookups = list(lookups)

    async def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in self._lookups.pop(0)]


async def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", Addresses(["8.8.8.8", "10.0.0.1"]))
    with pytest.raises(Permanent):
        await outbound("https://shop.test", pool, allow_private=False, transport=answering()).call("GET", "/")


async def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", Addresses(["8.8.8.8", "8.8.4.4"], ["127.0.0.1"]))
    seen: list[httpx.Request] = []
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        hosts.append(request.url.host)
        if request.url.host == "8.8.8.8":
            raise httpx.ConnectError("no route")
        return httpx.Response(200)

    http = outbound("https://shop.test", pool, allow_private=False, transport=httpx.MockTransport(answer))
    await http.call("POST", "/orders")
    assert hosts == ["8.8.8.8", "8.8.4.4"]
    assert seen[-1].headers["Host"] == "shop.test"
    assert seen[-1].extensions["sni_hostname"] == "shop.test"
    with pytest.raises(Permanent):  # the name has been rebound to loopback
        await http.call("POST", "/orders")
    assert len(hosts) == 2


class ToLoopback(httpx.AsyncBaseTransport):
    """Lead whatever address was checked to a server of this test, over real TLS."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self._port = port
        self._real = httpx.AsyncHTTPTransport(verify=trust)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await self._real.handle_async_request(request)

    async def aclose(self) -> None:
        await self._real.aclose()


@pytest.mark.parametrize(("host", "fits"), [("shop.test", True), ("evil.test", False)])
async def test_the_certificate_is_checked_against_the_name(
    host: str, fits: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool: Pool
) -> None:
    certificate = self_signed("shop.test", tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate))
    async with listening(ok, served) as url:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", Addresses(["8.8.8.8"]))
        transport = ToLoopback(int(url.rpartition(":")[2]), trust)
        call = outbound(f"https://{host}", pool, allow_private=False, transport=transport).call("POST", "/orders")
        if fits:
            assert (await call).status == 200
        else:
            with pytest.raises(NotApplied):
                await call


def self_signed(name: str, folder: Path) -> Path:
    """Return a file with a key and a certificate for `name`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return path


# --- silence --------------------------------------------------------------------------------------------------------


async def test_no_message_or_log_line_holds_a_value_or_a_token(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    said: list[str] = []

    async def ask(serve: Serve) -> None:
        async with listening(serve) as url:
            http = outbound(url, pool, deadline_s=0.3)
            try:
                await http.call(
                    "POST", "/orders/{id}", fill={"id": VALUE}, json={"v": VALUE}, params={"v": VALUE}, key="k"
                )
            except HandlerOutcome as outcome:
                said.append(f"{outcome!r} {outcome} {http!r}")

    for serve in (ok, hang, drop, babble, break_off, flood):
        await ask(serve)
    for status in (301, 400, 409, 429, 500):
        transport = answering(status, text=VALUE)
        with pytest.raises(HandlerOutcome) as caught:
            await outbound("http://a.test", pool, transport=transport).call("POST", "/o/{id}", fill={"id": VALUE})
        said.append(f"{caught.value!r} {caught.value}")

    assert len(said) == 10
    for text in (*said, caplog.text):
        assert VALUE not in text
        assert SECRET not in text
