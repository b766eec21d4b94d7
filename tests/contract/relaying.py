"""A relay on a queue of the embedded file, and functions that answer what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from infra.embedded.database import Database
from infra.queue import Queue
from infra.relay import Post, Relay
from infra.resources import Function, Manifest, Subscription

Answer = Callable[[str, bytes], Awaitable[int]]


def function(name: str, *, max_concurrency: int = 10, trigger: str = "push") -> Function:
    return Function(name, f"functions.{name}.main", name, trigger, 60, max_concurrency, {})


def subscription(name: str, *, ack_deadline_s: int = 60, dead_letter_topic: str | None = None) -> Subscription:
    """Return a subscription whose topic and function have its own name."""
    return Subscription(name, name, name, ack_deadline_s, 0.02, 0.02, 5, dead_letter_topic)


def manifest(*parts: tuple[Function, Subscription]) -> Manifest:
    return Manifest(tuple(f for f, _ in parts), tuple(s.topic for _, s in parts), tuple(s for _, s in parts))


ONE = manifest((function("work"), subscription("work")))


class Functions:
    """Stands for the deployed functions: notes every request and answers as it is told."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self._answer = answer

    async def post(self, name: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        self.requests.append((name, dict(headers), body))
        return await self._answer(name, body)

    async def wait_for(self, count: int) -> None:
        await until(lambda: len(self.requests) >= count)


def answering(*statuses: int) -> Functions:
    """Answer with these statuses in turn, and with the last one for ever."""
    left = list(statuses)

    async def answer(name: str, body: bytes) -> int:
        return left.pop(0) if len(left) > 1 else left[0]

    return Functions(answer)


@asynccontextmanager
async def relaying(queue: Queue, wiring: Manifest, post: Post, grace_s: float = 5) -> AsyncIterator[Relay]:
    relay = Relay(queue, wiring, post, project="p1")
    running = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await relay.stop(grace_s)
        async with asyncio.timeout(5):
            await running


def waiting(database: Database) -> int:
    """Return how many messages are not acknowledged."""
    return int(database.read("SELECT count(*) FROM queue")[0][0])


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(2000):
        if is_so():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("did not happen within 10 s")


async def until_empty(database: Database) -> None:
    await until(lambda: waiting(database) == 0)
