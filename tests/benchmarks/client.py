"""Tickets in, requests out: kept connections and as little work as can be, because the machine is shared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from infra.errors import StackError
from tests.benchmarks.tickets import ticket

TIMEOUT_S = 120.0  # of one request: a service that stores nothing answers when the work is done


class Door:
    """Where a system takes tickets."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._head = f"POST {parts.path or '/'} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"

    async def send_all(
        self, numbers: Iterable[int], in_flight: int, room: asyncio.Semaphore | None = None
    ) -> dict[int, float]:
        """Send these tickets, so many requests at a time; when each was sent, by the monotonic clock.

        With `room`, one is sent only where it can be acquired; whoever sees what was done releases it.

        Raises:
            StackError: one was not accepted.
        """
        waiting, sent = iter(numbers), {}

        async def sender() -> None:
            connection = Kept(self._host, self._port)
            try:
                for number in waiting:  # one iterator, shared: each takes the next
                    if room:
                        await room.acquire()
                    sent[number] = time.monotonic()
                    status, said = await connection.post(self._head, ticket(number))
                    if status >= 300:
                        raise StackError(f"ticket {number} was answered {status}: {said[:200]!r}")
            finally:
                connection.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(sender())
        return sent

    async def knock(self, number: int) -> bool:
        """Send one ticket; whether it was accepted. A system that is starting refuses, or answers 5xx."""
        connection = Kept(self._host, self._port)
        try:
            status, _ = await connection.post(self._head, ticket(number))
        except StackError:
            return False
        finally:
            connection.close()
        return status < 300


class Kept:
    """One connection, opened anew where the other side closed it while idle."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, head: str, body: bytes) -> tuple[int, bytes]:
        """Send one request; its status and body. A server may close what it kept at any moment: then once more, anew.

        Raises:
            StackError: nobody answers.
        """
        request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        was_kept = self._streams is not None
        try:
            return await self._exchange(request)
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            if was_kept and not isinstance(error, TimeoutError):
                return await self.post(head, body)
            raise StackError(f"port {self._port} does not answer: {type(error).__name__}") from error

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        async with asyncio.timeout(TIMEOUT_S):
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            said = answer.lower()
            length = int(said.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
            content = await reader.readexactly(length)
        if b"connection: close" in said:
            self.close()
        return int(answer.split(b" ", 2)[1]), content

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
