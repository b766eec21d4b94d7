"""The simulated model answers and fails as the classifier's contract says, and in no other way."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from typing import Any

import pytest

from shared.errors import ModelRefused, ModelUnavailable
from shared.task.schemas import UNCLASSIFIED
from tests.contract.classifier_contract import ClassifierContract, question
from tests.simulation.model import ODD, SimulatedModel
from tests.simulation.trouble import Calm

FAILURES = 2000
# `Classifier.ask` promises these; a key or model that an operator must mend is a kind of being unavailable.
CODES = {
    "model_unavailable",
    "model_misconfigured",
    "safety_block",
    "cut_off",
    "empty_answer",
    "model_rejected_request",
}


class Truth(dict[str, dict[str, Any]]):
    """Knows the good answer to any ticket: a refund where it names an order."""

    def __missing__(self, text: str) -> dict[str, Any]:
        if order := re.search(r"#\d+", text):
            return {"intent": "refund_request", "parameters": {"order_id": order[0]}, "confidence": 0.95}
        return {"intent": UNCLASSIFIED, "parameters": {}, "confidence": 0.3}


def model(chance: float) -> SimulatedModel:
    """Return a model that knows everything and fails with this chance."""
    model = SimulatedModel(Calm(), random.Random(7), lambda: chance)
    model.answers = Truth()
    return model


class TestSimulatedModel(ClassifierContract):
    @pytest.fixture
    def classifier(self) -> SimulatedModel:
        return model(0.0)


async def test_failures_are_those_of_the_real_models() -> None:
    """An adapter raises no other codes: `shared.model.reply` and the suites of both SDKs say so."""
    failing, said, pauses = model(1.0), Counter[str](), set()
    for _ in range(FAILURES):
        try:
            answer = await failing.ask(question(), 0.0)
        except ModelUnavailable as error:
            said[error.code] += 1
            pauses.add(error.retry_after_s)
        except ModelRefused as error:
            said[error.code] += 1
        else:
            said[answer.text] += 1
    odd = {odd(Truth()[question().content]) for odd in ODD}
    assert set(said) == CODES | odd
    assert pauses == {None, 1.0, 30.0}
    assert all(count > 5 for count in said.values())


async def test_only_a_failing_model_gives_odd_answers() -> None:
    good = Truth()[question().content]
    assert {(await model(0.0).ask(question(), 1.0)).text for _ in range(100)} == {json.dumps(good)}
