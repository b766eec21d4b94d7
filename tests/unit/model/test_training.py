"""The regression: what it learns, that it reaches the optimum, and that a text's features are what they should be."""

from __future__ import annotations

import math

import pytest

from shared.model import synonyms
from shared.model.regression import Regression, features, softmax
from shared.model.training import COST, SHARPNESS, fit

TEXTS = ["my card is lost", "somebody stole my card", "where is my parcel", "track the parcel please", "tell me a joke"]
LABELS = ["lock", "lock", "status", "status", "none"]


@pytest.fixture(scope="module")
def learnt() -> Regression:
    return fit([features(text) for text in TEXTS], LABELS)


def probability(regression: Regression, text: str, label: str) -> float:
    return regression.probabilities(features(text))[label]


def test_texts_it_was_taught_are_recognised(learnt: Regression) -> None:
    for text, label in zip(TEXTS, LABELS, strict=True):
        probabilities = learnt.probabilities(features(text))
        assert max(probabilities, key=probabilities.__getitem__) == label
        assert math.fsum(probabilities.values()) == pytest.approx(1)


def test_word_of_the_same_group_says_the_same(learnt: Regression) -> None:
    assert "missing" not in " ".join(TEXTS)
    assert probability(learnt, "missing card", "lock") > probability(learnt, "yellow card", "lock")
    assert probability(learnt, "shipment", "status") > 0.5 > probability(learnt, "banana", "status")


def test_unfamiliar_words_make_it_less_sure(learnt: Regression) -> None:
    plain = probability(learnt, "where is my parcel", "status")
    assert probability(learnt, "where is my parcel, quoth zebras juggling vivid umbrellas", "status") < plain


def test_training_ends_near_the_optimum() -> None:
    """At the optimum every weight is the sum of what each text pulls: cost x what its label lacks x its features."""
    vectors = [features(text) for text in TEXTS]
    learnt = fit(vectors, LABELS)
    pulled = dict.fromkeys(learnt.labels, 0.0)
    for vector, label in zip(vectors, LABELS, strict=True):
        seen = learnt.rarities.scaled(vector)
        logits = [
            (b + math.fsum(learnt.weights[name][k] * x for name, x in seen.items())) / SHARPNESS
            for k, b in enumerate(learnt.bias)
        ]
        cost = COST * math.sqrt(len(TEXTS) / len(learnt.labels) / LABELS.count(label))
        for k, (known, p) in enumerate(zip(learnt.labels, softmax(logits), strict=True)):
            pulled[known] += cost * ((known == label) - p) * seen.get("card", 0.0)
            assert k < len(logits)
    for k, label in enumerate(learnt.labels):
        assert learnt.weights["card"][k] / SHARPNESS == pytest.approx(pulled[label], rel=0.1, abs=0.1)


def test_numbers_addresses_and_links_are_no_features() -> None:
    assert features("order #47384 of ann@example.com, see https://example.com/x") == features("order of see")


def test_text_without_a_word_has_the_probabilities_of_the_bias(learnt: Regression) -> None:
    assert list(learnt.probabilities({}).values()) == softmax(learnt.bias)


def test_no_word_stands_in_two_groups() -> None:
    words = synonyms._GROUPS.split()
    assert sorted(words) == sorted(set(words))
