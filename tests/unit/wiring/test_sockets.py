"""Connections to providers are used again while they are good, and one that is not is never sent a request on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.wiring.sockets import Answer, SocketTransport
from tests.unit.wiring.calls import listening


class Provider:
    """Answers on each connection `answers` times, then closes it; notes on how many there were requests."""

    def __init__(self, answers: int = 100) -> None:
        self.requests: list[int] = []
        self.ended = asyncio.Event()
        self._answers, self._connections = answers, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        for _ in range(self._answers):
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            self.requests.append(number)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        self.ended.set()


@pytest.fixture
async def transport() -> AsyncIterator[SocketTransport]:
    transport = SocketTransport(keepalive_expiry=60)
    yield transport
    await transport.aclose()


async def answer_of(transport: SocketTransport, url: str) -> Answer:
    """Return the answer, open."""
    request = httpx.Request("GET", url, extensions={"timeout": {"connect": 5}})
    return await transport.handle_async_request(request)


async def get(transport: SocketTransport, url: str) -> bytes:
    answer = await answer_of(transport, url)
    try:
        return b"".join([part async for part in answer.aiter_bytes()])
    finally:
        await answer.aclose()


async def test_connection_is_used_again(transport: SocketTransport) -> None:
    provider = Provider()
    async with listening(provider.serve) as url:
        assert [await get(transport, url) for _ in range(3)] == [b"{}"] * 3
    assert provider.requests == [1, 1, 1]


async def test_requests_at_once_have_a_connection_each(transport: SocketTransport) -> None:
    provider = Provider()
    async with listening(provider.serve) as url:
        await asyncio.gather(*(get(transport, url) for _ in range(3)))
    assert sorted(provider.requests) == [1, 2, 3]


async def test_connection_that_the_provider_closed_is_not_used_again(transport: SocketTransport) -> None:
    provider = Provider(answers=1)
    async with listening(provider.serve) as url:
        for _ in range(3):
            provider.ended.clear()
            await get(transport, url)
            async with asyncio.timeout(20):
                await provider.ended.wait()
    assert provider.requests == [1, 2, 3]


async def test_connection_that_was_idle_for_too_long_is_not_used_again() -> None:
    provider, transport = Provider(), SocketTransport(keepalive_expiry=0)
    async with listening(provider.serve) as url:
        for _ in range(2):
            await get(transport, url)
            await asyncio.sleep(0.01)
        await transport.aclose()
    assert provider.requests == [1, 2]


async def test_connection_whose_answer_was_not_read_to_its_end_is_not_used_again(transport: SocketTransport) -> None:
    provider = Provider()
    async with listening(provider.serve) as url:
        await (await answer_of(transport, url)).aclose()
        await get(transport, url)
    assert provider.requests == [1, 2]
