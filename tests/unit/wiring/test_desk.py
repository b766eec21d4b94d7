"""Permits are given by priority, never more than there are, and none is lost when somebody gives up or a call fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from infra.manifest import CLASSIFY_TIMEOUT_S
from shared.errors import ModelUnavailable
from shared.event.payload import View
from shared.model import prompt
from shared.model.question import Answer, Question
from shared.task.schemas import AutomationTask
from shared.wiring.desk import ASKING_S, Desk
from tests.world import REGISTRY

AT_ONCE = 0.0  # patience of nobody who has to wait


def question(text: str, priority: int = 1) -> Question:
    task = AutomationTask(task_id="t1", source="helpdesk", raw_payload={"text": text}, priority=priority)
    return prompt.build(task, View({"/text": text}, {}), REGISTRY)


class Model:
    """Answers when it is told to, with the words that it was asked; counts."""

    model = "fake"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.timeouts: list[float] = []
        self.inside = self.most = 0
        self.gate = asyncio.Event()
        self.fails: list[Exception] = []

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        self.asked.append(next(iter(question.view.texts.values())))
        self.timeouts.append(timeout_s)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.gate.wait()
            if self.fails:
                raise self.fails.pop()
        finally:
            self.inside -= 1
        return Answer(self.asked[-1], self.model, 1, 1.0)

    async def close(self) -> None:
        self.gate.set()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def model() -> Model:
    return Model()


def asking(desk: Desk, model: Model, text: str, priority: int = 1, timeout_s: float = 5.0) -> asyncio.Task[Any]:
    return asyncio.create_task(desk.before(model).ask(question(text, priority), timeout_s))


async def test_a_free_permit_is_used_at_once() -> None:
    model = Model()
    model.gate.set()
    answer = await Desk(1, 30.0).before(model).ask(question("hello"), AT_ONCE)
    assert (answer.text, model.asked) == ("hello", ["hello"])


async def test_an_urgent_task_overtakes_a_backlog(model: Model) -> None:
    desk = Desk(1, 30.0)
    tasks = [asking(desk, model, *who) for who in (("first", 1), ("a", 1), ("b", 2), ("urgent", 5), ("c", 1))]
    await settle()
    model.gate.set()
    await asyncio.gather(*tasks)
    assert model.asked == ["first", "urgent", "b", "a", "c"]


async def test_never_more_calls_are_under_way_than_there_are_permits_whichever_model_is_asked(model: Model) -> None:
    desk = Desk(3, 30.0)
    tasks = [asking(desk, model, str(n)) for n in range(20)]
    await settle()
    assert model.inside == 3
    other = Model()
    other.gate.set()
    late = asking(desk, other, "of another model")
    await settle()
    assert other.asked == []
    model.gate.set()
    await asyncio.gather(*tasks, late)
    assert (model.most, len(model.asked), len(other.asked)) == (3, 20, 1)


async def test_whoever_gives_up_leaves_the_line_or_hands_the_permit_on(model: Model) -> None:
    desk = Desk(1, 30.0)
    first, waiting, behind = (asking(desk, model, name) for name in ("first", "waiting", "behind"))
    await settle()
    waiting.cancel()
    await settle()
    handed, last = asking(desk, model, "handed", priority=5), asking(desk, model, "last")
    await settle()
    model.gate.set()
    await asyncio.sleep(0)  # the permit is now that of the most urgent, which is cancelled before it runs
    handed.cancel()
    await asyncio.gather(first, waiting, handed, return_exceptions=True)
    async with asyncio.timeout(2):
        await asyncio.gather(behind, last)
    assert model.asked == ["first", "behind", "last"]


async def test_a_call_that_fails_gives_its_permit_back(model: Model) -> None:
    desk = Desk(1, 30.0)
    model.gate.set()
    model.fails = [ModelUnavailable("down"), ZeroDivisionError()]
    for error in (ZeroDivisionError, ModelUnavailable):
        with pytest.raises(error):
            await asking(desk, model, "fails")
    assert (await asking(desk, model, "works")).text == "works"


async def test_a_question_that_waited_too_long_comes_again_and_is_out_of_the_line(model: Model) -> None:
    desk = Desk(1, 30.0)
    first, second = asking(desk, model, "first"), asking(desk, model, "second", timeout_s=0.02)
    with pytest.raises(ModelUnavailable, match=r"no model call was free for 0\.01 s"):
        await second
    model.gate.set()
    await first
    assert model.asked == ["first"]
    assert (await asking(desk, model, "third")).text == "third"


async def test_a_call_has_what_the_wait_left_of_the_time_and_never_more_than_its_own(model: Model) -> None:
    desk = Desk(1, 30.0)
    first, second = asking(desk, model, "first", timeout_s=50.0), asking(desk, model, "second", timeout_s=20.0)
    await settle()
    model.gate.set()
    await asyncio.gather(first, second)
    assert model.timeouts[0] == 30.0
    assert 15.0 < model.timeouts[1] < 20.0


def test_wait_and_calls_end_before_the_function_does() -> None:
    assert ASKING_S + 5 < CLASSIFY_TIMEOUT_S
