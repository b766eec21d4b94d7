"""An answer kept for the very same question: of the same person, harmless, and not for ever."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.event.payload import View
from shared.model import prompt
from shared.model.exact import Kept, key_of, may_be_kept
from shared.model.question import Answer, Question
from shared.task.schemas import AutomationTask
from tests.world import REGISTRY, says

MODEL = "m"
KIM: dict[str, Any] = {"email": "kim@example.com"}


def ask(text: str = "Where is my order #47384?", requester: dict[str, Any] = KIM, **more: Any) -> Question:
    task = AutomationTask(task_id="t", source="zendesk", raw_payload={})
    view = View({"/text": text}, {"requester": requester}, **more)
    return prompt.build(task, view, REGISTRY)


def test_same_question_has_the_same_key_whatever_its_nonce() -> None:
    first, second = ask(), ask()
    assert first.nonce != second.nonce
    assert key_of(first, MODEL) == key_of(second, MODEL) != ""


@pytest.mark.parametrize(
    "other",
    [
        ask("Where is my order #47385?"),
        ask(requester={"email": "lee@example.com"}),
        ask(requester={"email": "kim@example.com", "id": "7"}),  # nothing that the model sees, yet somebody else
        ask(requester={}),
        ask(may_be_quoted={"/text": "> hello"}),
        replace(ask(), alone=True),
        replace(ask(), version="another"),
    ],
)
def test_question_that_differs_in_anything_has_another_key(other: Question) -> None:
    assert key_of(other, MODEL) != key_of(ask(), MODEL)


def test_other_model_is_another_question() -> None:
    assert key_of(ask(), "other") != key_of(ask(), MODEL)


def test_question_without_a_nonce_is_like_no_other() -> None:
    assert key_of(replace(ask(), nonce=""), MODEL) == ""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (says("order_status", order_id="#47384"), True),
        (says("unclassified"), True),
        (says("refund_request", order_id="#1", amount_minor=2500, currency="USD"), False),
        (says("password_reset", email="kim@example.com"), False),
        (says("cancel_order", order_id="#1"), False),
        (says("gift_card"), False),
        (says("order_status") | {"note": "hi"}, False),
        ({"intent": "order_status", "confidence": 0.9}, False),
        ({"intent": ["order_status"], "parameters": {}, "confidence": 0.9}, False),
        ("Sure! {", False),
        ("", False),
    ],
)
def test_only_a_readable_answer_that_moves_nothing_is_kept(text: Any, kept: bool) -> None:
    said = text if isinstance(text, str) else json.dumps(text)
    assert may_be_kept(Answer(said, MODEL, 1, 1.0), REGISTRY) is kept


def test_answer_of_a_call_that_several_shared_is_not_kept() -> None:
    said = Answer(json.dumps(says("order_status", order_id="#47384")), MODEL, 1, 1.0)
    assert may_be_kept(said, REGISTRY)
    assert not may_be_kept(replace(said, prompt_version="several"), REGISTRY)


def test_kept_answer_costs_nothing_and_says_where_it_came_from() -> None:
    kept = Kept(10)
    kept.put("k", Answer("{}", MODEL, 900, 450.0, input_tokens=800, cached_tokens=5), 0)
    found = kept.get("k", 1)
    assert found == Answer("{}", MODEL, 0, 0.0, from_cache=True)


def test_kept_answer_ages_and_the_oldest_goes_where_there_are_too_many() -> None:
    kept = Kept(10, most=2)
    for number, key in enumerate("abc"):
        kept.put(key, Answer(key, MODEL, 1, 1.0), number)
    found = {key: kept.get(key, 11) for key in "abc"}
    assert [key for key, answer in found.items() if answer] == ["c"]  # a went, b is ten seconds old
    assert kept.get("c", 12) is None
