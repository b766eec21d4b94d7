"""`python -m tests.chaos.proxy PORT HOST:PORT SEED`: stand between the emulator and everybody, and break connections.

SIGUSR1 resets about half of the connections. SIGUSR2 swallows the answers on about half of them, then resets those:
what was asked for happens, and nobody is told.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from contextlib import suppress

CHUNK = 65_536
LATENCIES_S = (0.0, 0.0, 0.0, 0.01, 0.1)
SWALLOWING_S = (0.2, 4.0)


class Connection:
    """Bytes both ways between one client and the server, each chunk a connection's own latency late."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter, latency_s: float) -> None:
        self._client, self._server, self._latency_s = client, server, latency_s
        self._swallows = False

    async def carry(self, asked: asyncio.StreamReader, answered: asyncio.StreamReader) -> None:
        """Return when both sides have closed, or one has broken."""
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._pump(asked, self._server))
            ways.create_task(self._pump(answered, self._client))

    def reset(self) -> None:
        """Drop both halves without a farewell."""
        self._client.transport.abort()
        self._server.transport.abort()

    def swallow(self, seconds: float) -> None:
        """Pass on what is asked, but no answer, and reset after so many seconds."""
        self._swallows = True
        asyncio.get_running_loop().call_later(seconds, self.reset)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                await asyncio.sleep(self._latency_s)
                if not (self._swallows and sink is self._client):
                    sink.write(chunk)
                    await sink.drain()
        with suppress(OSError, RuntimeError):
            sink.close()


class Proxy:
    """Listens on `port` of this machine and passes everything on to `host`."""

    def __init__(self, port: int, host: str, seed: int) -> None:
        self._port, self._host = port, host
        self._dice = random.Random(seed)
        self._open: set[Connection] = set()

    async def run(self) -> None:
        """Serve for ever."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.reset_some)
        loop.add_signal_handler(signal.SIGUSR2, self.swallow_some)
        async with server:
            await server.serve_forever()

    def reset_some(self) -> None:
        """Break about half of the connections."""
        for connection in self._some():
            connection.reset()

    def swallow_some(self) -> None:
        """Leave about half of the connections without answers for a moment, then break them."""
        for connection in self._some():
            connection.swallow(self._dice.uniform(*SWALLOWING_S))

    def _some(self) -> list[Connection]:
        return [connection for connection in self._open if self._dice.random() < 0.5]

    async def _accept(self, asked: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        address, _, port = self._host.partition(":")
        try:
            answered, server = await asyncio.open_connection(address, int(port))
        except OSError:
            client.transport.abort()
            return
        connection = Connection(client, server, self._dice.choice(LATENCIES_S))
        self._open.add(connection)
        try:
            await connection.carry(asked, answered)
        finally:
            self._open.discard(connection)


if __name__ == "__main__":
    asyncio.run(Proxy(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])).run())
