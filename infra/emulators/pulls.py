"""The pulls that wait at one subscription of Google's emulator: a number in, received messages out as they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

# A waiting pull looks for messages when it arrives and then at this interval, each by itself (emulator 0.8.20).
LOOKS_EVERY_S = 0.05
# So what comes alone waits 25 ms for one pull, and 7 for six whose looks are spread over the interval.
PULLS = 6
NO_LOOK = -1

# most messages, whether to answer at once -> messages, none if there were none
Ask = Callable[[int, bool], Coroutine[Any, Any, list[Any]]]


class Pulls:
    """At most `PULLS` calls wait, which together have asked for no more than the last `take` did.

    While there is much to do one waits, for several messages at a time; where it came back full there is more, and the
    next one takes what is there. A call is never cancelled: the emulator would go on with it, and what it found would
    be seen again after its deadline only.
    """

    def __init__(self, ask: Ask, is_busy: Callable[[], bool] = lambda: False) -> None:
        self._ask, self._is_busy = ask, is_busy
        self._waiting: dict[asyncio.Task[list[Any]], tuple[int, int]] = {}  # which of the looks it has, what it asked
        self._found: deque[Any] = deque()
        self._is_backlog = self._is_closing = False

    async def take(self, most: int, wait_s: float) -> list[Any]:
        """Return up to `most` messages; wait up to `wait_s` seconds for the first one, then return none.

        Calls wait on between two takes, and what they find is there for the next one.

        Raises:
            Exception: a call failed.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while not self._found and (left_s := until - loop.time()) > 0:
            self._start(most, 1 if self._is_busy() else PULLS)
            await asyncio.wait(self._waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            self._collect()
        return [self._found.popleft() for _ in range(min(most, len(self._found)))]

    async def close(self) -> list[Any]:
        """Let the calls that wait end by themselves; return what was found and nobody took."""
        self._is_closing = True
        answers = await asyncio.gather(*self._waiting, return_exceptions=True)
        self._waiting.clear()
        left = [*self._found, *(message for found in answers if isinstance(found, list) for message in found)]
        self._found.clear()
        return left

    def _start(self, most: int, pulls: int) -> None:
        """Let so many calls ask for what nobody has asked for yet."""
        room = most - sum(asked for _, asked in self._waiting.values())
        if self._is_backlog and room > 0:
            self._waiting[asyncio.create_task(self._ask(room, True))] = NO_LOOK, room
            return
        free = sorted(set(range(PULLS)) - {look for look, _ in self._waiting.values()})
        looks = free[: max(0, min(room, pulls - len(self._waiting)))]
        for n, look in enumerate(looks):
            asked = room // len(looks) + (n < room % len(looks))
            self._waiting[asyncio.create_task(self._wait(look, asked))] = look, asked

    async def _wait(self, look: int, asked: int) -> list[Any]:
        if look:  # the first one goes at once, for it may be the only one
            await asyncio.sleep((LOOKS_EVERY_S * look / PULLS - asyncio.get_running_loop().time()) % LOOKS_EVERY_S)
        return [] if self._is_closing else await self._ask(asked, False)

    def _collect(self) -> None:
        failed = None
        for call in [call for call in self._waiting if call.done()]:
            _, asked = self._waiting.pop(call)
            if error := call.exception():
                failed = error
            else:
                self._is_backlog = len(call.result()) == asked
                self._found.extend(call.result())
        if failed is not None:
            raise failed
