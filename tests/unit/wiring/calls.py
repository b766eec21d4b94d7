"""Calls of a handler, and servers that answer them well or badly."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from shared.wiring.lanes import Pool
from shared.wiring.outbound import Outbound

SECRET, VALUE = "token-nobody-may-see", "value-nobody-may-see"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def outbound(url: str, pool: Pool, *, deadline_s: float = 5.0, **settings: Any) -> Outbound:
    deadline = asyncio.get_running_loop().time() + deadline_s
    given = {"token": SECRET, "allow_private": True, "max_in_flight": 10, **settings}
    return Outbound(url, name="shop", deadline=deadline, pool=pool, **given)


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
