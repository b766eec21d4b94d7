"""Requests to functions, as Pub/Sub, Eventarc or Cloud Scheduler would send them: function and body in, status out.

A push is a request of known length whose answer says nothing but its status: asyncio's streams do that for a tenth of
what an HTTP client takes, which was a fifth of a task's CPU.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import NamedTuple, Self
from urllib.parse import urlsplit

# Less than half of what functions keep an idle connection for (`shared/serving/connections.py`): a request that crosses
# the end of its connection is lost, and comes again late.
KEEPALIVE_S = 300.0


class Calls:
    """Connections to functions, kept open. A function with several instances gets its requests in turn.

    `urls` says where each function's instances listen.
    """

    def __init__(self, urls: Mapping[str, Sequence[str]]) -> None:
        self._instances = {function: [_Instance(url) for url in listening] for function, listening in urls.items()}
        self._turns = {function: cycle(instances) for function, instances in self._instances.items()}

    async def post(self, function: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        """Send one request to the function's next instance and return the status.

        Raises:
            OSError, EOFError: no connection, or it broke before the answer; TimeoutError: none in `timeout_s` seconds.
            ValueError: a header holds what would end it, or the answer is not HTTP.
        """
        instance = next(self._turns[function])
        async with asyncio.timeout(timeout_s):
            return await instance.post(headers, body)

    async def close(self) -> None:
        """Close all connections that wait for a request."""
        for instances in self._instances.values():
            for instance in instances:
                instance.close()


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float = 0.0  # seconds of the event loop's clock

    def again(self) -> Self:
        return self._replace(used_at=asyncio.get_running_loop().time())

    @property
    def is_fresh(self) -> bool:
        return not self.reader.at_eof() and asyncio.get_running_loop().time() - self.used_at < KEEPALIVE_S


class _Instance:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._first = f"POST {parts.path or '/'} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        self._idle: list[_Connection] = []

    async def post(self, headers: Mapping[str, str], body: bytes) -> int:
        fields = [f"{name}: {value}" for name, value in headers.items()]
        if any("\r" in field or "\n" in field for field in fields):
            raise ValueError("a header's line would end within it")
        head = "\r\n".join([*fields, f"content-length: {len(body)}", "\r\n"])
        connection = await self._connection()
        try:
            connection.writer.writelines([(self._first + head).encode(), body])
            await connection.writer.drain()
            status, is_whole = await _answer(connection.reader)
        except BaseException:  # what was to come may still come: nobody else may read it
            connection.writer.transport.abort()
            raise
        if is_whole:
            self._idle.append(connection.again())
        else:
            connection.writer.close()
        return status

    async def _connection(self) -> _Connection:
        while self._idle:
            if (connection := self._idle.pop()).is_fresh:
                return connection
            connection.writer.close()
        return _Connection(*await asyncio.open_connection(self._host, self._port))

    def close(self) -> None:
        for connection in self._idle:
            connection.writer.close()
        self._idle.clear()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Return the status, and whether the whole answer was read, so that the connection can be used again."""
    head = await reader.readuntil(b"\r\n\r\n")
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("the answer is not HTTP")
    fields = dict(line.lower().partition(b":")[::2] for line in head.split(b"\r\n")[1:-2])
    length = fields.get(b"content-length")
    is_whole = length is not None and fields.get(b"connection", b"").strip() != b"close"
    if length is not None:
        await reader.readexactly(int(length))
    return int(rest[:3]), is_whole
