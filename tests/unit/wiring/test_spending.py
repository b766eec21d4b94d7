"""Tokens of one day, counted over all instances with few writes, and never far beyond the cap."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import CommitUnknown, ModelRefused, ModelUnavailable, SwitchyardError
from shared.limits import Limits
from shared.model.question import expected_tokens
from shared.model.weather import Weather
from shared.wiring.spending import LOOK_S, PATH, Spending
from shared.wiring.weather import WeatherClassifier
from tests.clock import run
from tests.scripted import ScriptedModel
from tests.store import BEGINNING, MemoryStore, Network
from tests.unit.model.test_exact import ask


class Shaky(Network):
    """Fails as it is told."""

    def __init__(self) -> None:
        self.is_away = False
        self.commits: list[SwitchyardError] = []

    def read_fails(self) -> bool:
        return self.is_away

    def commit_fails(self) -> SwitchyardError | None:
        return self.commits.pop(0) if self.commits else None


class Days:
    """A store whose clock goes on when it is told, and how often it was written to."""

    def __init__(self) -> None:
        self.now, self.network, self.writes = BEGINNING, Shaky(), 0
        self.store = MemoryStore(lambda: self.now, self.network, committed=self._committed)

    def _committed(self, *_: Any) -> None:
        self.writes += 1

    @property
    def document(self) -> Mapping[str, Any]:
        return self.store.documents[PATH][0] or {}


async def use(spending: Spending, tokens: int) -> bool:
    if not await spending.reserve(tokens):
        return False
    spending.settle(tokens, tokens)
    return True


async def test_nothing_is_spent_beyond_the_cap_by_one_instance() -> None:
    spending = Spending(Days().store, 1000)
    assert [await use(spending, 400) for _ in range(4)] == [True, True, False, False]


async def test_calls_under_way_are_counted_and_what_they_did_not_use_is_given_back() -> None:
    spending = Spending(Days().store, 1000)
    assert await spending.reserve(600)
    assert not await spending.reserve(600)
    spending.settle(600, 100)
    assert await spending.reserve(600)


@pytest.mark.parametrize(
    ("ending", "calls"),
    [
        (ModelRefused("no", code="cut_off", tokens_used=20_000), 1),  # the answer that goes on and on is the dearest
        (ModelRefused("no", code="model_rejected_request"), 4),
        (ModelUnavailable("no answer", is_timeout=True), 3),  # nobody knows what it took
        (ModelUnavailable("HTTP 500"), 4),
    ],
)
async def test_what_was_used_for_no_answer_is_spent_too(ending: Exception, calls: int) -> None:
    model = ScriptedModel([ending] * 4)
    spending = Spending(Days().store, expected_tokens(ask()) * 3 + 100)
    classifier = WeatherClassifier(model, Weather(10, Limits(), lambda: 0.0), spending)
    for _ in range(4):
        with pytest.raises((ModelRefused, ModelUnavailable)):
            await classifier.ask(ask(), 5)
    assert model.calls == calls


async def test_instances_hear_of_each_other_when_they_look() -> None:
    days = Days()
    one, other = (Spending(days.store, 1000, look_s=0) for _ in range(2))
    assert await use(one, 700)
    assert await use(one, 100)  # and tells what it used before
    assert not await use(other, 400)
    assert await use(other, 200)
    assert await use(other, 0)
    assert not await use(one, 100)
    assert days.document["tokens"] == 1000


def test_writes_are_few_and_the_overshoot_is_what_others_use_between_two_looks() -> None:
    days, cap = Days(), 100_000

    async def instance(number: int) -> int:
        spending, used = Spending(days.store, cap), 0
        await asyncio.sleep(number / 7)
        for _ in range(600):
            used += 100 * await use(spending, 100)
            await asyncio.sleep(0.1)
        return used

    async def fleet() -> list[int]:
        return await asyncio.gather(*(instance(number) for number in range(5)))

    used = sum(run(fleet()))
    a_second = 5 * 10 * 100
    assert cap <= used <= cap + 0.8 * a_second * LOOK_S  # of five instances, four are the others
    assert days.writes <= 5 * (60 / LOOK_S + 1)


async def test_next_day_opens_again() -> None:
    days = Days()
    spending = Spending(days.store, 1000, look_s=0)
    assert await use(spending, 900)
    assert not await use(spending, 900)
    days.now += timedelta(days=1)
    assert await use(spending, 900)
    assert not await use(spending, 900)


async def test_without_the_store_it_goes_by_what_is_known() -> None:
    days = Days()
    spending = Spending(days.store, 1000, look_s=0)
    assert await use(spending, 600)
    days.network.is_away = True
    assert await use(spending, 300)
    assert not await use(spending, 300)
    days.network.is_away = False
    assert not await use(spending, 300)
    assert days.document["tokens"] == 900


async def test_commit_of_unknown_outcome_counts_rather_twice_than_not_at_all() -> None:
    days = Days()
    spending = Spending(days.store, 10_000, look_s=0)
    await use(spending, 600)
    days.network.commits = [CommitUnknown("it may be there")]
    await use(spending, 1)
    await use(spending, 1)
    assert days.document["tokens"] >= 600


async def test_reaching_the_cap_is_told_once_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    days = Days()
    spending = Spending(days.store, 1000, look_s=0)
    for _ in range(2):
        for _ in range(4):
            await use(spending, 600)
        days.now += timedelta(days=1)
    told = capsys.readouterr()
    assert (told.out + told.err).count("spend_cap_reached") == 2 * 2  # message and outcome of a line


async def test_document_by_another_hand_does_not_stop_anything() -> None:
    days = Days()
    days.store.put(PATH, day=5)
    spending = Spending(days.store, 1000, look_s=0)
    assert await use(spending, 600)
    assert await use(spending, 100)
    assert days.document["tokens"] == 600
