"""What a broken connection, a deadline and a refused start say of the effect; and that nothing of it is told."""

from __future__ import annotations

import asyncio
import socket
import time
from functools import partial
from typing import Any

import httpx
import pytest

from shared.intent.outcomes import Ambiguous, HandlerOutcome, NotApplied, Permanent
from shared.wiring.lanes import Pool
from shared.wiring.outbound import MAX_REPLY_BYTES
from tests.clock import jumping
from tests.unit.wiring.calls import SECRET, VALUE, Serve, answering, listening, ok, outbound

# --- what a broken connection says


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client gives up


def let_an_hour_pass() -> None:
    """Set the event loop's clock ahead: whatever waits has waited for too long, however fast this machine is."""
    loop = asyncio.get_running_loop()
    now = loop.time
    vars(loop)["time"] = lambda: now() + 3600


async def hang_for_an_hour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    let_an_hour_pass()
    await reader.read()


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
    for _ in range(3):  # each byte comes in time, the answer never does
        writer.write(b" ")
        await asyncio.sleep(0.05)
    let_an_hour_pass()
    await reader.read()


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
        (hang_for_an_hour, "timeout", NotApplied),
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
    async with listening(serve) as url:
        for method, expected in (("POST", Ambiguous), ("GET", read)):
            began = time.monotonic()
            with pytest.raises(HandlerOutcome) as caught:
                await outbound(url, pool, deadline_s=60).call(method, "/orders", json={"v": VALUE})
            assert type(caught.value) is expected
            assert caught.value.code == code
            assert time.monotonic() - began < 20


async def test_without_a_connection_nothing_was_applied(pool: Pool) -> None:
    async with listening(ok) as url:
        pass  # closed again: the port refuses
    with pytest.raises(NotApplied) as caught:
        await outbound(url, pool).call("POST", "/orders")
    assert caught.value.code == "no_connection"


async def test_a_name_without_an_address_means_nothing_was_applied(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    async def resolve(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
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


# --- deadline, throttle, start marker


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


@jumping
async def test_waiting_for_a_slot_ends_with_the_deadline(pool: Pool) -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    one_slot = partial(outbound, "http://a.test", pool, max_in_flight=1, transport=httpx.MockTransport(hang))
    held = asyncio.create_task(one_slot().call("GET", "/"))
    await asyncio.sleep(0.05)
    for method, code in (("POST", "throttled"), ("GET", "timeout")):  # the second one gets through, and hangs
        with pytest.raises(NotApplied) as caught:
            await one_slot(deadline_s=0.1).call(method, "/")
        assert caught.value.code == code
        held.cancel()
        await asyncio.wait([held])


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


# --- silence


async def test_no_message_or_log_line_holds_a_value_or_a_token(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    said: list[str] = []

    async def ask(serve: Serve) -> None:
        async with listening(serve) as url:
            http = outbound(url, pool, deadline_s=60)
            try:
                await http.call(
                    "POST", "/orders/{id}", fill={"id": VALUE}, json={"v": VALUE}, params={"v": VALUE}, key="k"
                )
            except HandlerOutcome as outcome:
                said.append(f"{outcome!r} {outcome} {http!r}")

    for serve in (ok, hang_for_an_hour, drop, babble, break_off, flood):
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
