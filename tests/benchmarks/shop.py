"""The shop that every system calls, in the benchmark's own process: an arrival is seen the moment it comes in.

It also keeps the list of tickets that the polling script reads. A few lines on a socket, because a web framework would
take more of the machine than some of the systems that are measured.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.benchmarks.tickets import shown

PAGE = 100
LINE_END, HEAD_END = b"\r\n", b"\r\n\r\n"
LENGTH = b"content-length:"


class Shop:
    """When each order was first asked for, in seconds of the monotonic clock, and how often."""

    def __init__(self) -> None:
        self.url = ""
        self.first: dict[str, float] = {}
        self.calls: Counter[str] = Counter()
        self.arrived = asyncio.Event()  # set at every new order
        self.room: asyncio.Semaphore | None = None  # of a sender that waits until earlier tickets are done
        self.open: dict[str, dict[str, object]] = {}  # tickets by id, for who polls

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Answer one request: status and what becomes JSON."""
        match method, path.strip("/").split("/"):
            case "GET", ["orders", order_id]:
                self.calls[order_id] += 1
                if order_id not in self.first:
                    self.first[order_id] = time.monotonic()
                    self.arrived.set()
                    if self.room:
                        self.room.release()
                return 200, shown(order_id)
            case "POST", ["tickets"]:
                ticket = json.loads(body)
                self.open[ticket["task_id"]] = ticket
                return 202, {"task_id": ticket["task_id"]}
            case "GET", ["tickets"]:
                return 200, [ticket for ticket, _ in zip(self.open.values(), range(PAGE), strict=False)]
            case "DELETE", ["tickets", task_id]:
                self.open.pop(task_id, None)
                return 200, {}
        return 404, {"error": "not_found"}


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as far as clients of these systems use it: bodies have a length."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._read = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(HEAD_END)) >= 0:
            head, start = self._read[:end], end + len(HEAD_END)
            length = _length(head)
            if len(self._read) < start + length:
                return
            body, self._read = self._read[start : start + length], self._read[start + length :]
            method, path, _ = head.split(LINE_END, 1)[0].decode("latin-1").split(" ")
            status, said = self._shop.answer(method, path, body)
            text = json.dumps(said).encode()
            self._transport.write(
                b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                % (status, len(text), text)
            )


def _length(head: bytes) -> int:
    for line in head.lower().split(LINE_END):
        if line.startswith(LENGTH):
            return int(line[len(LENGTH) :])
    return 0


@asynccontextmanager
async def serving() -> AsyncIterator[Shop]:
    """Serve a shop on a free port of 127.0.0.1."""
    shop = Shop()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(shop), "127.0.0.1", 0)
    shop.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield shop
    finally:
        server.close()
