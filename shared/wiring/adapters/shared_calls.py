"""Calls of the same moment, sent as one: a call costs the same processor time however little it carries."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# An item that finds fewer calls under way goes out at once, alone: nobody who has nothing to wait for waits.
CALLS = 2
# Firestore takes 10 MiB at once and a document of ours has a third of one; Pub/Sub takes 10 MB.
MOST = 20


class SharedCalls(Generic[Item, Answer]):
    """What is asked while calls are under way goes out in one call as soon as one of them returns.

    `send` takes items and returns as many answers; an answer that is an exception is raised to the one who asked. What
    it raises is raised to all. Whoever gives up waiting takes nothing away from the others.
    """

    def __init__(self, send: Callable[[list[Item]], Awaitable[Sequence[Answer | Exception]]]) -> None:
        self._send = send
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._calls: set[asyncio.Task[None]] = set()

    async def ask(self, item: Item) -> Answer:
        """Return what came of the item."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._go_on()
        return await answer

    def _go_on(self) -> None:
        while self._waiting and len(self._calls) < CALLS:
            taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            if taken := [(item, answer) for item, answer in taken if not answer.done()]:
                call = asyncio.create_task(self._call(taken))
                self._calls.add(call)
                call.add_done_callback(self._returned)

    def _returned(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._go_on()

    async def _call(self, taken: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._send([item for item, _ in taken])
        except Exception as error:
            answers = [error] * len(taken)  # each caller makes an error of its own of it
        except asyncio.CancelledError:  # the loop ends
            for _, waiting in taken:
                waiting.cancel()
            raise
        for (_, waiting), answer in zip(taken, answers, strict=True):
            if waiting.done():
                continue
            if isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)


async def settled(calls: Iterable[Awaitable[Answer]]) -> list[Answer | Exception]:
    """Make calls that could not be one at the same time, and return the answer of each, or its error."""

    async def one(call: Awaitable[Answer]) -> Answer | Exception:
        try:
            return await call
        except Exception as error:
            return error

    return await asyncio.gather(*map(one, calls))
