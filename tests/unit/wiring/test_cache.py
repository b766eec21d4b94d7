"""The classifier that asks nothing twice: per person, never for what failed, and past it for whoever insists."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import ModelRefused, ModelUnavailable
from shared.model.question import Question
from shared.wiring.cache import CachingClassifier
from tests.scripted import ScriptedModel
from tests.unit.model.test_exact import ask
from tests.world import REGISTRY, says

STATUS = says("order_status", order_id="#47384")


def cached(*answers: Any, age_s: float = 60) -> tuple[CachingClassifier, ScriptedModel]:
    model = ScriptedModel(list(answers))
    return CachingClassifier(model, REGISTRY, age_s), model


async def test_second_time_the_model_is_not_asked_and_the_answer_says_so() -> None:
    classifier, model = cached(STATUS)
    first, second = await classifier.ask(ask(), 5), await classifier.ask(ask(), 5)
    assert (model.calls, first.from_cache, second.from_cache) == (1, False, True)
    assert (second.text, second.model, second.tokens_used) == (first.text, first.model, 0)


async def test_two_people_with_the_same_words_never_get_each_others_parameters() -> None:
    async def answer(question: Question) -> Any:
        seen = json.loads(question.content.split("\n")[1])
        return says("ticket_summary", summary=f"for {seen['fields']['/requester/email']}")

    classifier, model = cached(answer)
    for _ in range(2):
        for person in ("kim@example.com", "lee@example.com"):
            said = json.loads((await classifier.ask(ask("summarize", {"email": person}), 5)).text)
            assert said["parameters"] == {"summary": f"for {person}"}
    assert model.calls == 2


async def test_person_who_insists_gets_past_it_and_what_is_said_then_is_kept() -> None:
    classifier, model = cached(STATUS, says("unclassified"))
    await classifier.ask(ask(), 5)
    told = await classifier.ask(replace(ask(), insists=True), 5)
    assert (model.calls, told.from_cache) == (2, False)
    assert (await classifier.ask(ask(), 5)).text == told.text


@pytest.mark.parametrize("error", [ModelRefused("no", code="safety_block"), ModelUnavailable("down")])
async def test_failure_is_not_kept(error: Exception) -> None:
    classifier, model = cached(error, STATUS)
    with pytest.raises(type(error)):
        await classifier.ask(ask(), 5)
    assert not (await classifier.ask(ask(), 5)).from_cache
    assert model.calls == 2


async def test_what_would_move_money_is_asked_each_time() -> None:
    classifier, model = cached(says("refund_request", order_id="#47384", amount_minor=2500, currency="USD"))
    for _ in range(2):
        await classifier.ask(ask(), 5)
    assert model.calls == 2
