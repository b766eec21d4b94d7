"""What becomes of a task while the model must not be asked, and of one whose answer is known."""

from __future__ import annotations

import pytest

from shared.errors import ModelUnavailable
from shared.limits import Limits
from shared.model.question import Classifier
from shared.model.weather import Weather
from shared.wiring.cache import CachingClassifier
from shared.wiring.in_place import InPlaceClassifier
from shared.wiring.spending import Spending
from shared.wiring.weather import WeatherClassifier
from tests.unit.model.test_frugal import LOCAL
from tests.world import ORDER_STATUS, REGISTRY, World, ticket

TEXT = "Where is my order #47384?"


def world_of(cap: int = 0, down_after_s: float = 600.0) -> tuple[World, Classifier]:
    world = World(ORDER_STATUS[1])
    spending = Spending(world.store, cap, look_s=0) if cap else None
    return world, WeatherClassifier(world.model, Weather(10, Limits(), lambda: 0.0), spending, down_after_s)


def use(world: World, classifier: Classifier) -> None:
    world.ports.__dict__["classifier"] = classifier


async def test_people_take_over_when_the_days_tokens_are_spent_and_the_next_day_opens_again() -> None:
    world, classifier = world_of(cap=1_200)  # one call is taken to need some 1,100
    use(world, classifier)
    for number in range(20):
        await world.classify(ticket(TEXT, task_id=f"t{number}"))
    first, last = await world.record("t0"), await world.record("t19")
    assert (first.state, last.state) == ("READY", "AWAITING_APPROVAL")
    assert last.decision.reasons == ["spend_cap: the model's tokens of this day are spent; the model was not asked"]
    assert world.model.calls < 5
    world.pass_time(days=1)
    await world.classify(ticket(TEXT, task_id="next"))
    assert (await world.record("next")).state == "READY"


async def test_local_classifier_decides_by_the_same_rules_where_a_setting_says_so() -> None:
    world, classifier = world_of(cap=1)
    use(world, InPlaceClassifier(classifier, LOCAL))
    await world.classify(ticket(TEXT))
    record = await world.record("t1")
    assert (record.classification.model, record.classification.intent) == (LOCAL.model, "order_status")
    assert world.model.calls == 0


async def test_people_take_over_at_once_when_the_model_is_down_for_long() -> None:
    world, classifier = world_of(down_after_s=0.0)
    world.model.answers = [ModelUnavailable("too much", retry_after_s=30, is_overload=True)]
    use(world, classifier)
    with pytest.raises(ModelUnavailable):
        await world.classify(ticket(TEXT))
    await world.classify(ticket(TEXT))
    record = await world.record("t1")
    assert record.state == "AWAITING_APPROVAL"
    assert record.decision.reasons == ["model_down: the model has not answered for long; it was not asked again"]
    assert world.model.calls == 1


async def test_record_says_that_its_answer_was_given_before() -> None:
    world = World(ORDER_STATUS[1])
    use(world, CachingClassifier(world.model, REGISTRY, 60))
    for number in range(2):
        await world.classify(ticket(TEXT, task_id=f"t{number}"))
    first, second = [(await world.record(f"t{n}")).classification for n in range(2)]
    assert (first.tokens_used, first.from_cache) == (120, False)
    assert (second.tokens_used, second.from_cache) == (0, True)
    assert (second.intent, second.parameters, second.prompt_version) == (
        first.intent,
        first.parameters,
        first.prompt_version,
    )
    assert world.model.calls == 1
