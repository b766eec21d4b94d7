"""A wire to an emulator on which the answer to one call gets lost: the client sees a reset connection and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Literal, Self

PREFACE_BYTES = 24  # what a client of HTTP/2 says first
FRAME_HEAD_BYTES = 9
HEADERS, END_STREAM = 1, 1

Fate = Literal["kept", "lost"]


class Wire:
    """`async with Wire(host) as wire`: carries HTTP/2 from clients that dial `wire.host` to the server at `host`."""

    def __init__(self, host: str) -> None:
        self._behind = host
        self._fate: Fate | None = None
        self.host = ""

    def lose_answer(self, fate: Fate) -> None:
        """Break the connection of the next call: `kept`, once the server has served it; `lost`, before it does."""
        self._fate = fate

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _carry(self, asked: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        address, _, port = self._behind.rpartition(":")
        answered, server = await asyncio.open_connection(address, int(port))
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                server.write(await asked.readexactly(PREFACE_BYTES))
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._pass_on("lost", asked, server))
                    ways.create_task(self._pass_on("kept", answered, client))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            client.transport.abort()
            server.transport.abort()

    async def _pass_on(self, cut: Fate, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass frames on until the call comes whose fate is `cut`; of its answer nothing is passed on.

        Raises:
            ConnectionResetError: the wire is cut.
        """
        async for frame in _frames(source):
            if self._fate == cut:
                # A call begins with a frame of headers; what ends a stream besides is the server's last word on it.
                if frame[3] == HEADERS and (cut == "lost" or frame[4] & END_STREAM):
                    self._fate = None
                    raise ConnectionResetError
                if cut == "kept":
                    continue
            sink.write(frame)
            await sink.drain()


async def _frames(source: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        head = await source.readexactly(FRAME_HEAD_BYTES)
        yield head + await source.readexactly(int.from_bytes(head[:3], "big"))
