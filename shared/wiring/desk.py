"""The desk where tasks wait for the model: at most so many calls at once, the urgent before the others.

A free permit is used at once, for one question alone. While all are taken, or a call would have to wait for a budget,
questions wait in a line, and those of one form go into the next call together. One desk per instance, whichever
classifiers stand behind it.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from shared import tracing
from shared.canonical import sha256_hex
from shared.certificate import Certificate
from shared.errors import ModelRefused, ModelUnavailable
from shared.model.question import Answer, Classifier, Question
from shared.model.together import fitting, join, split, version_of
from shared.settings import Settings

# For a question's wait and its calls: the function that asks has a minute, and writes down what it is told.
ASKING_S = 50.0
PATIENCE = 0.5  # the share of what is left of its time that a question may wait: the rest is for its call

LOOK_AGAIN_S = 1.0  # at the latest, while what is asked keeps calls waiting
MOST_APART = 1_000  # questions that are remembered: some 100 bytes each

Held = Callable[[Question], float]  # for how many seconds a call about it would have to wait where it is made
_Outcome = Answer | Exception  # an answer without text: the call had none for this one


@dataclass(order=True, slots=True)
class _Waiter:
    """A question that waits. Its turn brings its answer; or a permit, and with whom to share the call: itself first."""

    rank: tuple[int, int]
    question: Question = field(compare=False)
    asked: Classifier = field(compare=False)
    until_s: float = field(compare=False)
    held: Held = field(compare=False)
    turn: asyncio.Future[Answer | list[_Waiter]] = field(compare=False)
    trace: str = field(compare=False, default="")  # the span of its wait
    call: str = field(compare=False, default="")  # the span of the call that it shared
    patience: asyncio.TimerHandle | None = field(compare=False, default=None)
    before: Answer | None = field(compare=False, default=None)  # what a call with others had, where that was no answer


class Desk:
    """`permits` calls at once, each of at most `call_s` seconds and with at most `together` questions.

    `proven`: where a certificate says what is proven, only forms of several questions that it names are used.
    """

    def __init__(self, permits: int, call_s: float, together: int = 1, proven: Certificate | None = None) -> None:
        self._free, self._call_s, self._together, self._proven = permits, call_s, together, proven
        self._line: list[_Waiter] = []  # the next one first
        self._number = count()
        self._timer: asyncio.TimerHandle | None = None
        self._apart: dict[str, None] = {}  # what was in a call of several that failed, the oldest first

    @classmethod
    def of(cls, settings: Settings) -> Desk:
        """Return the desk of an instance with these settings."""
        unproven = settings.certification and settings.certificate is None
        together = 1 if unproven else settings.coalesce
        return cls(settings.max_concurrent_calls, settings.model_timeout_s, together, settings.certificate)

    def before(self, asked: Classifier, held: Held = lambda question: 0.0) -> Classifier:
        """Return a `Classifier` that asks this one when there is a permit. Its `timeout_s` is wait and calls together.

        It raises `ModelUnavailable` also for a question that waited too long. While a call would be `held` there, it is
        not made: whoever waits here meanwhile can still share it, and the urgent come first.
        """
        return _AtTheDesk(self, asked, held)

    async def ask(self, asked: Classifier, question: Question, timeout_s: float, held: Held) -> Answer:
        """Ask with a permit of its own, or be answered in a call with others; see `before`."""
        loop = asyncio.get_running_loop()
        if self._apart and _name(question) in self._apart:
            question = replace(question, alone=True)
        rank = (-question.priority, next(self._number))
        waiter = _Waiter(rank, question, asked, loop.time() + timeout_s, held, loop.create_future())
        group = [waiter]
        if self._free and not self._line and not held(question):
            self._free -= 1
        else:
            turn = await self._turn(waiter)
            if isinstance(turn, Answer):
                return turn
            group = turn
        try:
            if len(group) > 1 and (answer := await self._ask_together(group)):
                return answer
            answer = await asked.ask(waiter.question, min(self._call_s, waiter.until_s - loop.time()))
            return answer.after(waiter.before)
        except ModelRefused as error:
            error.tokens_used += waiter.before.tokens_used if waiter.before else 0
            raise
        finally:
            self._pass_on()

    async def _turn(self, waiter: _Waiter) -> Answer | list[_Waiter]:
        with tracing.span("wait for the model"):
            waiter.trace = tracing.traceparent()
            self._wait(waiter)
            if self._free:
                self._look()
            try:
                return await waiter.turn
            except asyncio.CancelledError:
                self._leave(waiter)
                raise
            finally:
                tracing.link(waiter.call)

    def _wait(self, waiter: _Waiter) -> None:
        loop = asyncio.get_running_loop()
        insort(self._line, waiter)
        patience_s = (waiter.until_s - loop.time()) * PATIENCE
        waiter.patience = loop.call_later(patience_s, self._give_up, waiter, patience_s)

    def _give_up(self, waiter: _Waiter, patience_s: float) -> None:
        self._take(waiter)
        if not waiter.turn.done():
            waiter.turn.set_exception(ModelUnavailable(f"no model call was free for {patience_s:.3g} s"))

    def _take(self, waiter: _Waiter) -> None:
        self._line.remove(waiter)
        if waiter.patience is not None:
            waiter.patience.cancel()

    def _leave(self, waiter: _Waiter) -> None:
        """Leave the line; or hand on the permit that was handed over just now."""
        if waiter in self._line:
            self._take(waiter)
        elif not waiter.turn.cancelled() and waiter.turn.exception() is None:
            turn = waiter.turn.result()
            if isinstance(turn, list):
                self._send_back(turn[1:])
                self._pass_on()

    def _send_back(self, group: Iterable[_Waiter]) -> None:
        for waiter in group:
            if not waiter.turn.done():
                self._wait(waiter)

    def _pass_on(self) -> None:
        """Give a permit to the next in the line, or back."""
        self._free += 1
        self._look()

    def _look(self) -> None:
        """Give what is free to the next in the line, each with whoever may share its call, unless it would be held."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for gone in [waiter for waiter in self._line if waiter.turn.done()]:  # cancelled, and not yet told
            self._take(gone)
        while self._free and self._line:
            first, *others = self._line
            if held_s := first.held(first.question):
                self._timer = asyncio.get_running_loop().call_later(min(held_s, LOOK_AGAIN_S), self._look)
                return
            alike = [waiter for waiter in others if waiter.asked is first.asked]
            most = self._together if self._may_share(first.question) else 1
            group = [first, *(alike[n] for n in fitting(first.question, [w.question for w in alike], most))]
            for waiter in group:
                self._take(waiter)
            self._free -= 1
            first.turn.set_result(group)

    def _may_share(self, question: Question) -> bool:
        return self._proven is None or version_of(question.version) in self._proven.prompt_versions

    async def _ask_together(self, group: Sequence[_Waiter]) -> Answer | None:
        """Return the answer of the first, None where it has none; tell the others theirs, or put them back in the line.

        Raises:
            ModelUnavailable: for all of them.
        """
        first, *others = group
        try:
            own, *outcomes = await self._outcomes(group)
        except asyncio.CancelledError:  # whoever asked for all of them goes: somebody else does
            self._send_back(others)
            raise
        for waiter, outcome in zip(others, outcomes, strict=True):
            self._tell(waiter, outcome)
        if isinstance(own, Exception):
            raise own
        if own.text:
            return own
        _alone(first, own)
        return None

    def _tell(self, waiter: _Waiter, outcome: _Outcome) -> None:
        if waiter.turn.done():
            return
        if isinstance(outcome, Exception):
            waiter.turn.set_exception(outcome)
        elif outcome.text:
            waiter.turn.set_result(outcome)
        else:
            _alone(waiter, outcome)
            self._wait(waiter)

    async def _outcomes(self, group: Sequence[_Waiter]) -> Sequence[_Outcome]:
        together = join([waiter.question for waiter in group])
        left_s = min(waiter.until_s for waiter in group) - asyncio.get_running_loop().time()
        try:
            others = (waiter.trace for waiter in group[1:])  # the first is around it
            with tracing.span("ask together", links=others, asked=len(group)):
                for waiter in group[1:]:
                    waiter.call = tracing.traceparent()
                answer = await group[0].asked.ask(together.question, min(self._call_s, left_s))
        except ModelRefused as error:  # which of them it is about shows when each is asked alone, which happens once
            return split(together, Answer("", group[0].asked.model, error.tokens_used, 0.0))
        except ModelUnavailable as error:
            if not error.is_overload:
                self._keep_apart(waiter.question for waiter in group)
            return [_same(error) for _ in group]
        except Exception as error:
            return [error] * len(group)
        return split(together, answer)

    def _keep_apart(self, questions: Iterable[Question]) -> None:
        """Remember what was in a call that failed: one of them may be why, and when they come again it fails alone."""
        self._apart |= dict.fromkeys(map(_name, questions))
        for name in list(self._apart)[:-MOST_APART]:
            del self._apart[name]


def _name(question: Question) -> str:
    """Return what is the same when a question comes again."""
    return sha256_hex(question.content.replace(question.nonce, "").encode("utf-8", "surrogatepass"))


def _alone(waiter: _Waiter, had: Answer) -> None:
    waiter.question, waiter.before = replace(waiter.question, alone=True), had


def _same(error: ModelUnavailable) -> ModelUnavailable:
    """Return an error of its own for each who is told it: raising one changes it."""
    return ModelUnavailable(
        error.message,
        code=error.code,
        retry_after_s=error.retry_after_s,
        is_overload=error.is_overload,
        is_timeout=error.is_timeout,
    )


class _AtTheDesk:
    """A `Classifier` port around another one."""

    def __init__(self, desk: Desk, asked: Classifier, held: Held) -> None:
        self.model = asked.model
        self._desk, self._asked, self._held = desk, asked, held

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        return await self._desk.ask(self._asked, question, timeout_s, self._held)

    async def close(self) -> None:
        await self._asked.close()
