"""The local classifier taught by decisions, and what they prove of it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.calibrate.proposal import Wanted, propose
from infra.calibrate.retrained import Retrained, retrained
from infra.errors import StackError
from shared.intent.registry import Registry, discover
from shared.model.local import LocalClassifier
from shared.model.teaching import train
from shared.settings import load
from shared.task.label import Label
from tests.unit.infra.calibrate.made import REFUSED, label

SMALL = Registry({"password_reset": discover()["password_reset"]})  # which takes a moment to teach
ONE = Wanted(target=0.9, one_look=True)
THINGS = ("app", "shop", "page", "portal", "tablet", "phone", "laptop", "profile", "club", "site")
RESET: dict[str, Any] = {"intent": "password_reset", "said": "unclassified", "verdict": "relabelled", "right": False}
NONE: dict[str, Any] = {"intent": "unclassified", "said": "password_reset", "verdict": "wrong_intent", "right": False}


def decided() -> list[Label]:
    """Return what people said where another classifier was always wrong: it is asked anew."""
    texts = [
        (f"{begins} my password for the {thing}", RESET)
        for thing in THINGS
        for begins in ("I forgot", "please reset", "I lost", "I cannot remember", "how do I change")
    ]
    texts += [(f"do you sell a {thing} in {colour}?", NONE) for thing in THINGS for colour in ("red", "blue", "green")]
    return [label(n, text=text, model="another", **kind) for n, (text, kind) in enumerate(texts)]


@pytest.fixture(scope="module")
def made() -> Retrained:
    return retrained(decided(), SMALL, load({}), ONE)


def test_decisions_about_another_classifier_prove_what_they_teach(made: Retrained) -> None:
    proposal = propose(made.labels, ONE)
    (pool,) = proposal.proven
    assert pool.intents == ("password_reset",)
    assert pool.walk.proven is not None
    assert (pool.walk.proven.right, pool.walk.proven.counted) == (50, 50)
    assert {x.model for x in made.labels} == {made.artefact.name}
    assert made.lessons == 80


def test_weights_are_those_that_the_same_decisions_teach(made: Retrained) -> None:
    lessons = [(x.text, x.intent or "") for x in decided()]
    assert made.artefact.name == train(SMALL, lessons).name == LocalClassifier(SMALL, made.artefact).model


def test_nothing_is_said_by_heart(made: Retrained) -> None:
    """A text that nobody else wrote like this is not known to the others, and its words are not kept."""
    odd = label(1000, text="xylophone zeppelin quagmire", model="another", **RESET)
    with_it = retrained([*decided(), odd], SMALL, load({}), ONE)
    assert with_it.lessons == made.lessons + 1
    assert "xylophone" not in with_it.artefact.regression.weights
    assert with_it.labels[-1].said == "unclassified"
    assert with_it.labels[-1].right is False


def test_at_a_look_the_first_so_many_teach_and_prove_and_later_ones_do_not() -> None:
    looks = decided()
    early = retrained(looks[:60], SMALL, load({}), ONE)
    assert early.lessons == 60
    refused = [label(500 + n, text=f"no {n}", **REFUSED | {"intent": None}) for n in range(3)]
    audited = [label(600 + n, text=f"done {n}", **RESET | {"drawn": "audit"}) for n in range(3)]
    again = retrained([*looks[:60], *refused, *audited], SMALL, load({}), ONE)
    assert (again.lessons, again.artefact.name) == (60, early.artefact.name)


def test_without_texts_nothing_can_be_taught() -> None:
    with pytest.raises(StackError, match="texts are kept from when LABEL_TEXTS is keep"):
        retrained([label(1), label(2)], SMALL, load({}), ONE)
    with pytest.raises(StackError, match=r"there are 30"):
        retrained(decided()[:30], SMALL, load({}), Wanted())
