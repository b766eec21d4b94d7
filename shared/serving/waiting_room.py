"""Requests in, no more of them at once than memory holds: each by its weight, the others wait before they are read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from shared.errors import Retry
from shared.serving.entry import announced_bytes

# A body, and what is kept of it while others are asked: small objects need some fifty times their bytes as a tree.
HEAVIEST_MIB = 16.0
TIMES = 60
MIB = 1024 * 1024


class WaitingRoom:
    """Places for `mib` MiB of requests in one process, in the order they came."""

    def __init__(self, mib: float, patience_s: float = 20.0) -> None:
        self._free, self._patience_s = mib, patience_s
        self._line: deque[tuple[float, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def place(self, request: Request) -> AsyncIterator[None]:
        """Hold a place of the request's weight for the length of the block.

        Raises:
            Retry: `busy`: none was free for `patience_s` seconds (503).
        """
        weight = weight_mib(request)
        await self._enter(weight)
        try:
            yield
        finally:
            self._free += weight
            self._let_in()

    async def _enter(self, weight: float) -> None:
        if not self._line and weight <= self._free:
            self._free -= weight
            return
        turn = asyncio.get_running_loop().create_future()
        self._line.append((weight, turn))
        try:
            async with asyncio.timeout(self._patience_s):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():
                self._free += weight
            self._let_in()
            if isinstance(error, TimeoutError):
                raise Retry("too many large messages at once", code="busy") from None
            raise

    def _let_in(self) -> None:
        while self._line and (self._line[0][1].done() or self._line[0][0] <= self._free):
            weight, turn = self._line.popleft()
            if not turn.done():
                self._free -= weight
                turn.set_result(None)


def weight_mib(request: Request) -> float:
    """Return what a request may need, in MiB; one that does not say how long it is may be the longest."""
    announced = announced_bytes(request)
    return HEAVIEST_MIB if announced is None else min(HEAVIEST_MIB, announced * TIMES / MIB)
