"""Tickets and a classifier in, one verdict a ticket out: as many calls at once as the settings allow, none lost.

A model that is over its quota or down is waited for; a call that fails for good is counted. Only a key or a model that
is refused from the start, or a server that answers nothing any more, ends the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from infra.errors import StackError
from infra.evaluate.recording import Recorded, Recorder
from infra.evaluate.route import Asked, Verdict, ask, failed, judge
from infra.evaluate.tickets import Ticket
from shared.errors import ModelRefused, ModelUnavailable
from shared.intent.registry import Registry
from shared.model.question import Answer, Classifier
from shared.settings import Settings

PATIENCE_S = 120.0  # of one ticket, for a model that is over quota or down
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
HOPELESS = 20  # tickets in a row that were given up: nobody is there any more
NOBODY_YET = 3  # the same from the start


class Answerer(Protocol):
    """Who answers: a classifier that is asked, or the recording of one."""

    async def answer(self, asked: Asked) -> Answer:
        """Return the answer.

        Raises:
            ModelRefused: there is none, and no retry would help.
        """


@dataclass(frozen=True, slots=True)
class FromRecording:
    """Answers as they were recorded."""

    recorded: Recorded

    async def answer(self, asked: Asked) -> Answer:
        """Return the recorded answer, see `Recorded.answer`."""
        return self.recorded.answer(asked.ticket)


@dataclass(slots=True)
class Live:
    """Asks a classifier, and waits where it says that it is busy."""

    classifier: Classifier
    timeout_s: float
    patience_s: float = PATIENCE_S
    first_wait_s: float = FIRST_WAIT_S
    _answered: bool = field(default=False, init=False)
    _given_up: int = field(default=0, init=False)

    async def answer(self, asked: Asked) -> Answer:
        """Return the answer.

        Raises:
            ModelRefused: there is none for this ticket; of a model that stayed away, with its code.
            StackError: it is pointless to go on.
        """
        try:
            said = await self._patiently(asked)
        except ModelUnavailable as error:
            self._given_up += 1
            if self._given_up >= self._most(error.code):
                raise StackError(
                    f"{error.message}; gave up after {self._given_up} calls that got no answer: check GEMINI_API_KEY, "
                    "GEMINI_MODEL and GEMINI_API_ENDPOINT"
                ) from None
            raise ModelRefused(error.message, code=error.code) from None
        self._answered, self._given_up = True, 0
        return said

    def _most(self, code: str) -> int:
        if self._answered:
            return HOPELESS
        return 1 if code == "model_misconfigured" else NOBODY_YET

    async def _patiently(self, asked: Asked) -> Answer:
        clock = asyncio.get_running_loop().time
        until, wait_s = clock() + self.patience_s, self.first_wait_s
        while True:
            try:
                return await self.classifier.ask(asked.question, self.timeout_s)
            except ModelUnavailable as error:
                pause_s = error.retry_after_s or wait_s
                if error.code == "model_misconfigured" or clock() + pause_s > until:
                    raise
                await asyncio.sleep(pause_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def run(
    tickets: Sequence[Ticket],
    registry: Registry,
    settings: Settings,
    answerer: Answerer,
    *,
    recorder: Recorder | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> list[Verdict]:
    """Return the verdicts in the order of the tickets; `tell` hears after each how many are done.

    What the recorder knows already is not asked again.

    Raises:
        StackError: it is pointless to go on, or a recording lacks a ticket; what was recorded stays.
    """
    verdicts: dict[str, Verdict] = {}
    waiting, now = iter(tickets), datetime.now(UTC)

    async def work() -> None:
        for ticket in waiting:
            asked = ask(ticket, registry, settings)
            answer, failure = await _answer(asked, answerer, recorder)
            made = judge(asked, answer, registry, settings, now) if answer else None
            verdicts[ticket.id] = made or failed(asked, failure, registry, settings, now)
            tell(len(verdicts))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(settings.max_concurrent_calls):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return [verdicts[ticket.id] for ticket in tickets]


async def _answer(asked: Asked, answerer: Answerer, recorder: Recorder | None) -> tuple[Answer | None, str]:
    """Return the answer, or None and the code of why there is none."""
    if recorder and (known := recorder.known(asked.ticket)):
        return known, ""
    answer, failure = None, ""
    try:
        answer = await answerer.answer(asked)
    except ModelRefused as error:
        failure = error.code
    if recorder:
        recorder.add(asked.ticket, answer, failure)
    return answer, failure
