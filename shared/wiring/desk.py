"""The desk where tasks wait for the model: at most so many calls at once, the urgent before the others.

One per instance, whichever classifiers are asked: a candidate's calls are permitted by the same desk.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from dataclasses import dataclass, field
from itertools import count

from shared.errors import ModelUnavailable
from shared.model.question import Answer, Classifier, Question

# For a question's wait and its calls: the function that asks has a minute, and writes down what it is told.
ASKING_S = 50.0
PATIENCE = 0.5  # the share of a question's time that it may wait: the rest is for its call


@dataclass(order=True, slots=True)
class _Waiter:
    """A question in the line. Its turn comes with a permit, which whoever asked then holds."""

    rank: tuple[int, int]
    turn: asyncio.Future[None] = field(compare=False)


class Desk:
    """`permits` calls at once, each of at most `call_s` seconds."""

    def __init__(self, permits: int, call_s: float) -> None:
        self._free, self._call_s = permits, call_s
        self._line: list[_Waiter] = []  # the next one first
        self._number = count()

    def before(self, asked: Classifier) -> Classifier:
        """Return a `Classifier` that asks this one when there is a permit. Its `timeout_s` is wait and call together.

        It raises `ModelUnavailable` also for a question that waited too long.
        """
        return _AtTheDesk(self, asked)

    async def ask(self, asked: Classifier, question: Question, timeout_s: float) -> Answer:
        """Wait for a permit, and ask; see `before`."""
        now = asyncio.get_running_loop().time
        until_s = now() + timeout_s
        if self._free:
            self._free -= 1
        else:
            await self._wait(question, timeout_s * PATIENCE)
        try:
            return await asked.ask(question, min(self._call_s, until_s - now()))
        finally:
            self._pass_on()

    async def _wait(self, question: Question, patience_s: float) -> None:
        """Return with a permit."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter((-question.priority, next(self._number)), loop.create_future())
        insort(self._line, waiter)
        given_up = loop.call_later(patience_s, self._give_up, waiter, patience_s)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.cancelled():
                self._line.remove(waiter)
            elif waiter.turn.exception() is None:  # the permit was handed over just now
                self._pass_on()
            raise
        finally:
            given_up.cancel()

    def _give_up(self, waiter: _Waiter, patience_s: float) -> None:
        if not waiter.turn.done():
            self._line.remove(waiter)
            waiter.turn.set_exception(ModelUnavailable(f"no model call was free for {patience_s:g} s"))

    def _pass_on(self) -> None:
        """Give a permit to the next in the line, or back."""
        if not self._line:
            self._free += 1
            return
        self._line.pop(0).turn.set_result(None)


class _AtTheDesk:
    """A `Classifier` port around another one."""

    def __init__(self, desk: Desk, asked: Classifier) -> None:
        self.model = asked.model
        self._desk, self._asked = desk, asked

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        return await self._desk.ask(self._asked, question, timeout_s)

    async def close(self) -> None:
        await self._asked.close()
