"""The model: knows every ticket of the run, answers as told, and fails in all the ways that models fail."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from typing import Any

from shared.errors import ModelRefused, ModelUnavailable
from shared.event.payload import View
from shared.model.question import Answer, Question
from tests.simulation.trouble import Calm

UNAVAILABLE = ("model_unavailable", "model_misconfigured")
REFUSALS = ("safety_block", "cut_off", "empty_answer", "model_rejected_request")
# What a model may say instead of a good answer; a function gets the good one.
ODD: tuple[Callable[[dict[str, Any]], str], ...] = (
    lambda good: "Sure! Here is the JSON you asked for",
    lambda good: json.dumps(good)[:-9],
    lambda good: json.dumps([good]),
    lambda good: json.dumps(good | {"urgent": True}),
    lambda good: json.dumps({"intent": good["intent"]}),
    lambda good: json.dumps(good | {"intent": "delete_everything"}),
    lambda good: json.dumps(good | {"intent": 7}),
    lambda good: json.dumps(good | {"parameters": good["parameters"] | {"url": "http://169.254.169.254/"}}),
    lambda good: json.dumps(good | {"parameters": dict.fromkeys(good["parameters"], True)}),
    lambda good: json.dumps(good | {"parameters": "order"}),
    lambda good: json.dumps(good | {"confidence": "0.99"}),
    lambda good: json.dumps(good | {"confidence": 1.7}),
    lambda good: json.dumps(good | {"confidence": None}),
    lambda good: json.dumps(good | {"confidence": True}),
    lambda good: json.dumps(good | {"confidence": float("nan")}),
    lambda good: json.dumps(good | {"confidence": 0.79}),
    lambda good: json.dumps(good)[:-1] + ', "confidence": 0.99}',
)


class SimulatedModel:
    """`Classifier` of `shared.wiring.ports`. `answers` maps a ticket's text to its good answer."""

    model = "simulated"

    def __init__(self, trouble: Calm, rng: random.Random, chance: Callable[[], float]) -> None:
        self._trouble, self._rng, self._chance = trouble, rng, chance
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked = 0

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        self.asked += 1
        good = self.answers[next(iter(question.view.texts.values()))]
        text = json.dumps(good)
        if self._rng.random() < self._chance():
            kind = self._rng.randrange(8)
            if kind == 0:
                raise ModelUnavailable("over quota", retry_after_s=self._rng.choice((None, 1.0, 30.0)))
            if kind == 1:
                raise ModelUnavailable("the model answers 503", code=UNAVAILABLE[self.asked % 2])
            if kind == 2:
                await asyncio.sleep(timeout_s)
                raise ModelUnavailable("no answer in time")
            if kind == 3:
                raise ModelRefused("no answer", code=self._rng.choice(REFUSALS))
            text = self._rng.choice(ODD)(good)
        await self._trouble.hop()
        return Answer(text, self.model, 120, 5.0)

    async def close(self) -> None:
        return None


class SimulatedReader:
    """What `Ports.local` is asked where the model has read several: what this ticket wants, by its own words alone."""

    def __init__(self, model: SimulatedModel) -> None:
        self._model = model

    async def learn(self) -> None:
        return None

    def judge(self, view: View, allowed: Iterable[str]) -> tuple[str, float]:
        return self._model.answers[next(iter(view.texts.values()))]["intent"], 1.0
