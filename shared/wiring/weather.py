"""A classifier that asks another one as the weather allows: within its budgets, and hardly while it says too much."""

from __future__ import annotations

import asyncio
import math
from bisect import insort
from dataclasses import dataclass, field
from itertools import count

from shared.errors import ModelRefused, ModelUnavailable
from shared.logs import log
from shared.model.question import Answer, Classifier, Question, expected_tokens
from shared.model.weather import Ending, Flight, Weather
from shared.wiring.spending import Spending

PATIENCE = 0.5  # the share of a question's time that it may wait: the rest is for its call
SHORTEST_S = 0.001  # of a wait: what is less may be rounded away, and then is due at once for ever
A_MOMENT_S = 0.05  # until it is looked again whether those who wait have begun
DOWN, SPENT = "model_down", "spend_cap"  # codes of what nobody needs to wait for


@dataclass(order=True, slots=True)
class _Waiter:
    """A question that may not be put yet, in the order of its turn."""

    rank: tuple[int, int]
    tokens: int = field(compare=False)
    until_s: float = field(compare=False)
    turn: asyncio.Future[Flight] = field(compare=False)


class WeatherClassifier:
    """A `Classifier` port around another one. `down_after_s`: when people need not wait for the model any more."""

    def __init__(
        self, asked: Classifier, weather: Weather, spending: Spending | None = None, down_after_s: float = math.inf
    ) -> None:
        self.model = asked.model
        self._asked, self._weather, self._spending, self._down_after_s = asked, weather, spending, down_after_s
        self._line: list[_Waiter] = []  # the next one first
        self._number = count()
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return the model's answer, after a wait of at most half of `timeout_s`.

        Raises:
            ModelUnavailable: as the model, or because it must not be asked as yet; `retry_after_s` says how long.
            ModelRefused: as the model; `spend_cap`: the day's tokens are spent; `model_down`: it has been for long.
        """
        loop, tokens = asyncio.get_running_loop(), expected_tokens(question)
        until_s = loop.time() + timeout_s
        self._must_not_be_down(loop.time())
        if self._spending is None:
            return await self._in_turn(question, tokens, until_s)
        if not await self._spending.reserve(tokens):
            raise ModelRefused("the model's tokens of today are spent", code=SPENT)
        used = 0
        try:
            answer = await self._in_turn(question, tokens, until_s)
            used = answer.tokens_used
            return answer
        except ModelRefused as error:
            used = error.tokens_used
            raise
        except ModelUnavailable as error:
            used = tokens if error.is_timeout else 0
            raise
        finally:
            self._spending.settle(tokens, used)

    def held_s(self, question: Question) -> float:
        """Return for how long a call about it would wait here for a budget, or for others to end or to begin.

        While the model is shut it is none: whoever would wait in vain is told so here.
        """
        now_s = asyncio.get_running_loop().time()
        if self._weather.shut_s(now_s):
            return 0.0
        wait_s = self._weather.wait_s(expected_tokens(question), now_s)
        return max(wait_s, A_MOMENT_S) if wait_s or self._line else 0.0

    async def close(self) -> None:
        """Release what the other one holds."""
        if self._timer:
            self._timer.cancel()
        await self._asked.close()

    def _must_not_be_down(self, now_s: float) -> None:
        if self._weather.shut_s(now_s) and self._weather.down_s(now_s) >= self._down_after_s:
            raise ModelRefused("the model has not answered for long", code=DOWN)

    async def _in_turn(self, question: Question, tokens: int, until_s: float) -> Answer:
        loop, weather = asyncio.get_running_loop(), self._weather
        flight = await self._turn(question.priority, tokens, until_s)
        try:
            answer = await self._asked.ask(question, max(0.001, until_s - loop.time()))
        except ModelUnavailable as error:
            ending: Ending = "overloaded" if error.is_overload else "failed"
            self._tell(weather.end(flight, ending, loop.time(), retry_after_s=error.retry_after_s or 0.0))
            raise
        except ModelRefused as error:
            self._tell(weather.end(flight, "answered", loop.time(), used=error.tokens_used))
            raise
        except BaseException:  # whoever asked has gone
            weather.end(flight, "given_up", loop.time())
            raise
        else:
            self._tell(weather.end(flight, "answered", loop.time(), used=answer.tokens_used))
            return answer
        finally:
            self._look()

    async def _turn(self, priority: int, tokens: int, until_s: float) -> Flight:
        """Return when the call may begin, and has been counted."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        waiter = _Waiter(
            (-priority, next(self._number)), tokens, now_s + (until_s - now_s) * PATIENCE, loop.create_future()
        )
        insort(self._line, waiter)
        given_up = loop.call_at(waiter.until_s, self._give_up, waiter)
        self._look()
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.cancelled():
                self._line.remove(waiter)
            elif waiter.turn.exception() is None:  # it was its turn just now
                self._weather.end(waiter.turn.result(), "given_up", loop.time())
                self._look()
            raise
        finally:
            given_up.cancel()

    def _look(self) -> None:
        """Let everybody go on whose turn it is, and send away whoever would wait in vain."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        shut_s = self._weather.shut_s(now_s := loop.time())
        for waiter in [w for w in self._line if shut_s and w.until_s < now_s + shut_s]:
            self._send_away(waiter, shut_s)
        while self._line:
            wait_s = self._weather.wait_s(self._line[0].tokens, now_s)
            if wait_s > 0:
                if wait_s < math.inf:
                    self._timer = loop.call_later(max(wait_s, SHORTEST_S), self._look)
                return
            waiter = self._line.pop(0)
            waiter.turn.set_result(self._weather.begin(waiter.tokens, now_s))

    def _give_up(self, waiter: _Waiter) -> None:
        if not waiter.turn.done():
            self._send_away(waiter, self._weather.shut_s(asyncio.get_running_loop().time()))

    def _send_away(self, waiter: _Waiter, wait_s: float) -> None:
        self._line.remove(waiter)
        waiter.turn.set_exception(
            ModelUnavailable("the model must not be asked as yet", retry_after_s=wait_s or None, is_overload=True)
        )

    def _tell(self, is_changed: bool) -> None:
        if not is_changed:
            return
        shut_s = self._weather.shut_s(asyncio.get_running_loop().time())
        outcome, severity = ("model_shut", "WARNING") if shut_s else ("model_open", "NOTICE")
        log(severity, outcome, function="classify", outcome=outcome, model=self.model, wait_s=round(shut_s, 1))  # type: ignore[arg-type]
