"""The providers' side for tests of steps: a local server that counts writes, in place of the shop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from shared.wiring.lanes import POOL
from tests.chat import Chat, serving


@dataclass
class Shop:
    """Answers every request with an empty object, and keeps the lines of those that arrived."""

    requests: list[str] = field(default_factory=list)

    @property
    def writes(self) -> list[str]:
        """The requests that were not GET."""
        return [line for line in self.requests if not line.startswith("GET ")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head.partition("\r\n")[0])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """Return the shop, which handlers reach as `ctx.http`."""
    shop = Shop()
    server = await asyncio.start_server(shop.serve, "127.0.0.1", 0)
    for provider in ("SHOP", "STRIPE"):
        monkeypatch.setenv(f"{provider}_API_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield shop
    await POOL.close()
    server.close()
    await asyncio.wait_for(server.wait_closed(), 5)


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    async with serving() as chat:
        yield chat
