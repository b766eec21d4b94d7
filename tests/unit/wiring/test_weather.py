"""A hundred waiting tasks in a storm of 429: few calls, full speed afterwards, and nobody is given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from infra.gemini_server.answers import answer
from infra.gemini_server.requests import items_of
from infra.gemini_server.several import answered
from shared.errors import ModelRefused, ModelUnavailable
from shared.limits import Limits
from shared.model.question import Answer, Classifier, Question
from shared.model.weather import Weather
from shared.wiring.desk import Desk
from shared.wiring.in_place import InPlaceClassifier
from shared.wiring.weather import WeatherClassifier
from tests.clock import run
from tests.unit.model.test_exact import ask

PERMITS, CALL_S, REFUSAL_S = 10, 0.45, 0.05
STORM_S = 60.0
BACKOFF_S = 2.0  # of the subscription, doubled up to a minute


@dataclass
class StormyModel:
    """Says 429 from second 5 to 65, after `REFUSAL_S`; answers at any other time, after `CALL_S`."""

    retry_after_s: float | None = 10.0
    storm_s: float = STORM_S
    model: str = "stormy"
    begun: list[float] = field(default_factory=list)
    refused: int = 0
    flying: int = 0
    most: dict[int, int] = field(default_factory=dict)  # in flight, by second
    order: list[int] = field(default_factory=list)

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        loop = asyncio.get_running_loop()
        self.begun.append(now_s := loop.time())
        self.order.append(question.priority)
        self.flying += 1
        self.most[int(now_s)] = max(self.most.get(int(now_s), 0), self.flying)
        try:
            if 5 <= now_s < 5 + self.storm_s:
                await asyncio.sleep(REFUSAL_S)
                self.refused += 1
                raise ModelUnavailable("too much", retry_after_s=self.retry_after_s, is_overload=True)
            await asyncio.sleep(CALL_S)
            return Answer('{"intent": "unclassified", "parameters": {}, "confidence": 0.9}', self.model, 900, 450.0)
        finally:
            self.flying -= 1

    async def close(self) -> None:
        return None


def behind(model: Classifier, **limits: Any) -> WeatherClassifier:
    return WeatherClassifier(model, Weather(PERMITS, Limits(**limits), lambda: 0.5))


async def delivered(classifier: Classifier, question: Question, begin_s: float) -> Answer:
    """Ask as the bus does: again after a wait that doubles, until there is an answer."""
    await asyncio.sleep(begin_s)
    backoff_s = BACKOFF_S
    while True:
        try:
            return await classifier.ask(question, 50)
        except ModelUnavailable:
            await asyncio.sleep(backoff_s)
            backoff_s = min(60.0, backoff_s * 2)


async def stormed(classifier: Classifier, tasks: int = 100) -> list[Answer]:
    """Let so many tasks come right before the storm breaks."""
    desk = Desk(PERMITS, 30).before(classifier)
    return await asyncio.gather(*(delivered(desk, ask(f"order {n}"), 4.9) for n in range(tasks)))


@pytest.mark.parametrize("retry_after_s", [10.0, None])
def test_storm_of_429_gets_few_calls_and_loses_no_task(retry_after_s: float | None) -> None:
    before, after = StormyModel(retry_after_s), StormyModel(retry_after_s)
    run(stormed(before))
    answers = run(stormed(behind(after)))
    assert len(answers) == 100
    assert before.refused > 300
    assert after.refused <= 25


def test_full_speed_is_reached_again() -> None:
    model = StormyModel()

    async def traffic() -> None:
        desk = Desk(PERMITS, 30).before(behind(model))
        await asyncio.gather(*(delivered(desk, ask(f"order {n}"), n * 0.04) for n in range(2000)))

    run(traffic())
    assert model.most[3] == PERMITS
    assert max(model.most.get(second, 0) for second in range(10, 60)) <= 1
    assert max(model.most.get(second, 0) for second in range(70, 120)) == PERMITS


def test_urgent_question_is_put_before_those_that_wait() -> None:
    model = StormyModel(storm_s=0)

    async def work() -> None:
        classifier = behind(model, requests_a_minute=12)
        waiting = [asyncio.create_task(classifier.ask(ask(f"order {n}"), 20)) for n in range(4)]
        await asyncio.sleep(0.1)
        await classifier.ask(replace(ask("help"), priority=5), 40)
        await asyncio.gather(*waiting, return_exceptions=True)

    run(work())
    assert model.order.index(5) <= 2


def test_whoever_would_wait_in_vain_is_told_at_once_how_long() -> None:
    async def work() -> tuple[float, float | None]:
        classifier = behind(StormyModel(retry_after_s=40))
        await asyncio.sleep(5)
        with pytest.raises(ModelUnavailable):
            await classifier.ask(ask(), 30)
        began = asyncio.get_running_loop().time()
        with pytest.raises(ModelUnavailable) as caught:
            await classifier.ask(ask(), 30)
        return asyncio.get_running_loop().time() - began, caught.value.retry_after_s

    waited_s, retry_after_s = run(work())
    assert waited_s == 0
    assert retry_after_s == pytest.approx(44, abs=0.1)


def test_question_waits_in_place_where_its_time_allows() -> None:
    async def work() -> float:
        classifier = behind(StormyModel(retry_after_s=4))
        await asyncio.sleep(61)
        with pytest.raises(ModelUnavailable):
            await classifier.ask(ask(), 30)
        await classifier.ask(ask(), 30)
        return asyncio.get_running_loop().time()

    assert run(work()) == pytest.approx(61.05 + 4.4 + CALL_S, abs=0.01)


def test_waiter_who_goes_leaves_no_trace() -> None:
    async def work() -> int:
        model = StormyModel(storm_s=0)
        classifier = behind(model, requests_a_minute=6)  # one in ten seconds
        await classifier.ask(ask(), 30)
        gone = asyncio.create_task(classifier.ask(ask(), 30))
        await asyncio.sleep(1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await asyncio.sleep(20)
        await classifier.ask(ask(), 30)
        return len(model.begun)

    assert run(work()) == 2


class Local(StormyModel):
    """Answers at once."""

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        return Answer('{"intent": "unclassified", "parameters": {}, "confidence": 0.5}', "local", 0, 0.0)


async def asked_for(classifier: Classifier, seconds: int, question: Callable[[], Question]) -> list[str]:
    """Ask every ten seconds; return who answered, or the code of why nobody did."""
    said = []
    for _ in range(seconds // 10):
        await asyncio.sleep(10)
        try:
            said.append((await classifier.ask(question(), 30)).model)
        except (ModelUnavailable, ModelRefused) as error:
            said.append(error.code)
    return said


def test_model_that_is_down_for_long_makes_people_take_over_until_it_answers() -> None:
    model = StormyModel(retry_after_s=None)
    classifier = WeatherClassifier(model, Weather(PERMITS, Limits(), lambda: 0.0), down_after_s=30)

    async def work() -> list[str]:
        many = (asked_for(classifier, 100, ask) for _ in range(5))
        return [word for said in await asyncio.gather(*many) for word in said]

    said = run(work())
    assert {"model_down", "model_unavailable", "stormy"} == set(said)
    assert said[-1] == "stormy"


@pytest.mark.parametrize("insists", [False, True])
def test_local_classifier_answers_in_place_unless_a_person_insists(insists: bool) -> None:
    class Spent(StormyModel):
        async def ask(self, question: Question, timeout_s: float) -> Answer:
            raise ModelRefused("no", code="spend_cap")

    async def work() -> list[str]:
        return await asked_for(InPlaceClassifier(Spent(), Local()), 10, lambda: replace(ask(), insists=insists))

    assert run(work()) == (["spend_cap"] if insists else ["local"])


@pytest.mark.parametrize(
    ("is_last", "insists", "said"), [(True, False, "local"), (False, False, "later"), (True, True, "later")]
)
def test_local_classifier_answers_what_has_waited_long_enough(is_last: bool, insists: bool, said: str) -> None:
    """A lone task, or a new instance, cannot know for how long the model has been down."""

    class Away(StormyModel):
        async def ask(self, question: Question, timeout_s: float) -> Answer:
            raise ModelUnavailable("no", code="later")

    async def work() -> list[str]:
        asked = replace(ask(), is_last=is_last, insists=insists)
        return await asked_for(InPlaceClassifier(Away(), Local()), 10, lambda: asked)

    assert run(work()) == [said]


def test_other_refusals_are_not_answered_in_place() -> None:
    class Blocked(StormyModel):
        async def ask(self, question: Question, timeout_s: float) -> Answer:
            raise ModelRefused("no", code="safety_block")

    async def work() -> list[str]:
        return await asked_for(InPlaceClassifier(Blocked(), Local()), 10, ask)

    assert run(work()) == ["safety_block"]


@pytest.mark.parametrize("limits", [{"requests_a_minute": 12}, {"tokens_a_minute": 20_000}])
def test_what_waits_for_a_budget_shares_the_next_call_and_the_urgent_are_in_it(limits: dict[str, int]) -> None:
    model = Several()
    weathered = behind(model, **limits)
    classifier = Desk(PERMITS, 30.0, 10).before(weathered, weathered.held_s)
    ended: dict[int, float] = {}

    async def one(number: int) -> None:
        await asyncio.sleep(number * 0.5)
        question = replace(ask(f"Where is my order #{20_000 + number}?"), priority=5 if number == 30 else 1)
        await classifier.ask(question, 50)
        ended[number] = asyncio.get_running_loop().time()

    async def work() -> None:
        await asyncio.gather(*(one(n) for n in range(60)))

    run(work())
    assert len(model.sizes) <= 14  # of 60, that came one by one: a call each takes five minutes of the budget
    assert ended[30] <= min(ended[n] for n in range(28, 31))


class Several(StormyModel):
    """Answers also several, as many tokens as the local Gemini server counts."""

    sizes: list[int]

    def __init__(self) -> None:
        super().__init__(storm_s=0)
        self.sizes = []

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        self.sizes.append(question.answers)
        await asyncio.sleep(CALL_S)
        items = items_of(question.content)
        said = answered(items, answer) if question.answers > 1 else answer(items[0][1])
        return Answer(json.dumps(said), self.model, 700 + 60 * len(items), 450.0)
