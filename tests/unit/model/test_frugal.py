"""Calls that are spared: only where no answer could run, or where the local one is proven; a person may insist."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.event.payload import View
from shared.model.frugal import FrugalClassifier
from shared.model.local import LocalClassifier
from shared.model.memory import Memory
from shared.model.question import Question
from tests.certificates import certificate
from tests.scripted import ScriptedModel
from tests.world import REGISTRY, says

LOCAL = LocalClassifier(REGISTRY)
ENUM = [*REGISTRY, "unclassified"]


def question(text: str, names: list[str] = ENUM) -> Question:
    schema = {"properties": {"intent": {"enum": names}}}
    return Question("", "", schema, "p1", View({"/text": text}, {"requester": {"email": "kim@example.com"}}))


DECIDED = [
    ("where is my order", "order_status"),
    ("where is my order please", "order_status"),
    ("so where is my order", "order_status"),
    ("tell me a joke", "unclassified"),
    ("tell me a joke please", "unclassified"),
    ("please tell me a joke", "unclassified"),
]


async def earlier() -> Memory:
    return Memory(DECIDED)


def frugal(*skips: str, proven: Any = None) -> tuple[FrugalClassifier, ScriptedModel]:
    model = ScriptedModel([says("order_status", order_id="#1")])
    return FrugalClassifier(model, LOCAL, REGISTRY, skips, proven, earlier), model


@pytest.mark.parametrize(
    ("text", "stands_nowhere"),
    [
        ("where is my order? it has not arrived", "order_id"),
        ("please cancel my order, I bought it by mistake", "order_id"),
        ("I want my money back, the lamp is broken", "order_id"),
        ("what is the weather going to be like", ""),
    ],
)
async def test_call_is_spared_where_no_answer_could_run(text: str, stands_nowhere: str) -> None:
    classifier, model = frugal("no_parameter")
    answer = await classifier.ask(question(text), 5)
    assert model.calls == 0
    assert answer.spared.startswith("not_asked: ")
    assert stands_nowhere in answer.spared
    assert (answer.model, answer.tokens_used) == (LOCAL.model, 0)
    assert json.loads(answer.text)["confidence"] < 0.8


@pytest.mark.parametrize(
    "text",
    [
        "where is my order #47384?",
        "I forgot my password",  # needs nothing of the text
        "please send a summary of this ticket to the team",
        "I want 25 dollars back for my order 10021",
        "Wo bleibt meine Bestellung? Sie ist noch nicht angekommen",  # a language that the local one cannot read
    ],
)
async def test_call_is_made_where_an_answer_could_run(text: str) -> None:
    classifier, model = frugal("no_parameter")
    answer = await classifier.ask(question(text), 5)
    assert (model.calls, answer.spared, answer.model) == (1, "", "scripted")


async def test_person_who_insists_hears_the_model() -> None:
    classifier, model = frugal("no_parameter")
    await classifier.ask(replace(question("where is my order?"), insists=True), 5)
    assert model.calls == 1


async def test_intent_that_is_not_on_offer_needs_no_parameter() -> None:
    classifier, model = frugal("no_parameter")
    offered = [name for name in ENUM if name not in ("password_reset", "ticket_summary")]
    assert (await classifier.ask(question("I forgot my password", offered), 5)).spared
    assert model.calls == 0


@pytest.mark.parametrize(
    ("proven", "calls"),
    [
        ({"threshold": 0.6}, 0),
        ({"threshold": 1.0}, 1),
        ({"threshold": 0.6, "model": "local-of-another-day"}, 1),
        ({"threshold": 0.6, "prompt_versions": ("p2",)}, 1),
    ],
)
async def test_proven_local_answer_takes_the_place_of_a_call(proven: dict[str, Any], calls: int) -> None:
    made = certificate("order_status", **({"model": LOCAL.model} | proven))
    classifier, model = frugal("certified", proven=made)
    answer = await classifier.ask(question("where is my order #47384?"), 5)
    assert (model.calls, answer.spared) == (calls, "")
    assert answer.model == ("scripted" if calls else LOCAL.model)


async def test_local_answer_that_lacks_a_parameter_is_not_taken() -> None:
    made = certificate("order_status", model=LOCAL.model, threshold=0.6)
    classifier, model = frugal("certified", proven=made)
    await classifier.ask(question("where is my order?"), 5)
    assert model.calls == 1


async def test_nothing_is_spared_where_nothing_is_set() -> None:
    classifier, model = frugal()
    await classifier.ask(question("where is my order?"), 5)
    assert model.calls == 1


@pytest.mark.parametrize(
    ("text", "intent", "parameters"),
    [
        ("where is my order #47384?", "order_status", {"order_id": "#47384"}),
        ("tell me a joke", "unclassified", {}),
    ],
)
async def test_what_earlier_decisions_agree_on_takes_the_place_of_a_call(
    text: str, intent: str, parameters: dict[str, Any]
) -> None:
    classifier, model = frugal("agreeing")
    answer = await classifier.ask(question(text), 5)
    said = json.loads(answer.text)
    assert (model.calls, answer.model, answer.spared) == (0, "agreeing-1", "")
    assert (said["intent"], said["parameters"]) == (intent, parameters)


@pytest.mark.parametrize("text", ["where is my order", "cancel what I bought, number 47384"])
async def test_model_is_asked_where_decisions_are_far_or_a_parameter_is_missing(text: str) -> None:
    classifier, model = frugal("agreeing")
    assert (await classifier.ask(question(text), 5)).model == "scripted"
    assert model.calls == 1
