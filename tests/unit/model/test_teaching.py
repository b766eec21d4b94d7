"""What the local classifier is taught: which text under which label."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.errors import SettingError
from shared.intent.registry import Registry
from shared.model.regression import features
from shared.model.teaching import near_misses, train
from shared.task.schemas import UNCLASSIFIED
from tests.shipped import shipped

STATUS = replace(shipped()["order_status"], near_misses=("when will my new card come", "please cancel my flight"))
CANCEL = replace(shipped()["cancel_order"], near_misses=())


def test_near_miss_is_taught_unless_another_intent_is_nearer() -> None:
    assert [text for text, _ in near_misses(Registry({"order_status": STATUS}))] == list(STATUS.near_misses)
    both = Registry({"order_status": STATUS, "cancel_order": CANCEL})
    assert list(near_misses(both)) == [("when will my new card come", UNCLASSIFIED)]


def test_what_a_description_excludes_is_not_taught_as_the_intent() -> None:
    intent = replace(CANCEL, description="Wants an order stopped. Not: a zeppelin, a mandolin.")
    learnt = train(Registry({"cancel_order": intent})).regression
    assert "stopped" in learnt.weights
    assert "zeppelin" not in learnt.weights


def test_labels_of_people_are_taught_and_none_has_two_names() -> None:
    registry = shipped()
    text = "kindly perform the usual"

    def named(label: str) -> float:
        learnt = train(registry, [(text, label)] * 2).regression
        return learnt.probabilities(features(text))[UNCLASSIFIED if label == "out_of_scope" else label]

    assert named("order_status") > 0.5
    assert named("out_of_scope") == named(UNCLASSIFIED) > 0.5


def test_label_that_no_folder_declares_is_refused_by_number() -> None:
    with pytest.raises(SettingError, match=r"label 2 is 'refnd', which no folder declares; drop it"):
        train(shipped(), [("a", "order_status"), ("b", "refnd")])


def test_word_of_one_ticket_alone_is_not_in_what_is_learnt() -> None:
    labels = [("where is the parcel of Percy", "order_status"), ("the parcel of Odette stays away", "order_status")]
    learnt = train(shipped(), labels).regression
    assert "parcel of" in learnt.weights
    assert not [name for name in learnt.weights if "percy" in name or "odett" in name]
