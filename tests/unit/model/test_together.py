"""Several questions in one call: whose answer it is says its id alone, and what is in doubt counts for nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.gemini_server.requests import items_of, validate
from shared.event.payload import View
from shared.model import prompt
from shared.model.question import Answer, Question
from shared.model.request import max_output_tokens
from shared.model.together import MAX_CHARS, Together, fitting, join, split, version_of
from shared.task.schemas import AutomationTask
from tests.world import REGISTRY

TEXTS = tuple(f"Where is my order #{20_000 + n}?" for n in range(5))


def question(text: str, source: str = "helpdesk", disabled: frozenset[str] = frozenset()) -> Question:
    task = AutomationTask(task_id="t1", source=source, raw_payload={"text": text})
    return prompt.build(task, View({"/text": text}, {}), REGISTRY, disabled=disabled)


QUESTIONS = [question(text) for text in TEXTS]


def entry(id: str, number: int = 0) -> dict[str, Any]:
    return {"id": id, "intent": "order_status", "parameters": {"order_id": f"#{number}"}, "confidence": 0.9}


def told(together: Together, said: Any, tokens: int = 1003) -> list[Answer]:
    text = said if isinstance(said, str) else json.dumps(said)
    return split(together, Answer(text, "m", tokens, 7.0))


# --- the question


def test_each_message_stands_behind_an_id_of_its_own_that_is_new_with_every_call() -> None:
    first, second = join(QUESTIONS), join(QUESTIONS)
    for together in (first, second):
        found = dict(items_of(together.question.content))
        assert [found[id]["/text"] for id in together.ids] == list(TEXTS)
    assert len({*first.ids, *second.ids}) == 10
    assert all(re.fullmatch("[0-9a-f]{16}", id) for id in first.ids)


def test_nothing_of_a_question_alone_shows_through() -> None:
    together = join(QUESTIONS)
    asked = together.question.instructions + together.question.content
    assert not any(question.nonce in asked for question in QUESTIONS)
    assert "BEGIN ID" in together.question.instructions
    assert together.question.view == View({}, {})


def test_order_is_one_of_chance() -> None:
    orders = {
        tuple(id for id, _ in items_of(t.question.content)) == t.ids for t in (join(QUESTIONS) for _ in range(40))
    }
    assert False in orders


def test_schema_is_one_that_the_api_takes_and_asks_for_the_id_first() -> None:
    schema = join(QUESTIONS).question.schema
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    validate({"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": config})
    assert schema["items"]["propertyOrdering"] == ["id", "intent", "parameters", "confidence"]
    assert schema["items"]["required"] == schema["items"]["propertyOrdering"]


def test_form_has_a_version_of_its_own_whoever_and_however_many_are_asked() -> None:
    versions = {join(QUESTIONS[:n]).question.version for n in (2, 3, 5)}
    assert versions == {version_of(QUESTIONS[0].version)}
    assert version_of("another") not in versions
    assert QUESTIONS[0].version not in versions


def test_answer_may_be_the_longer_the_more_are_asked() -> None:
    assert join(QUESTIONS).question.answers == 5
    assert max_output_tokens(20) > 4 * max_output_tokens(1) > 0


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (replace(QUESTIONS[1], alone=True), "has to be alone"),
        (question(TEXTS[1], disabled=frozenset({"refund_request"})), "has other intents"),
        (replace(QUESTIONS[1], nonce=""), "stands behind no nonce"),
        (question("x" * MAX_CHARS), "is too long for two"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_question_that_does_not_fit_is_left_out(other: Question, why: str) -> None:
    first, *rest = QUESTIONS
    if "long" in why:
        other = replace(other, content=other.content + "x" * MAX_CHARS)
    assert fitting(first, [rest[0], other, rest[1]], 10) == [0, 2]
    assert fitting(replace(first, alone=True), rest, 10) == []


def test_no_more_go_together_than_are_allowed() -> None:
    assert [len(fitting(QUESTIONS[0], QUESTIONS[1:], most)) for most in (1, 2, 4, 10)] == [0, 1, 3, 4]


# --- the answer


def test_each_gets_what_it_would_have_got_alone() -> None:
    together = join(QUESTIONS)
    said = [entry(id, number) for number, id in enumerate(together.ids)]
    answers = told(together, said[::-1])
    assert [json.loads(a.text) for a in answers] == [
        {name: value for name, value in e.items() if name != "id"} for e in said
    ]
    assert {(a.model, a.latency_ms, a.prompt_version) for a in answers} == {("m", 7.0, together.question.version)}


@given(tokens=st.integers(0, 10**6), count=st.integers(2, 20))
def test_tokens_are_shared_out_to_the_last(tokens: int, count: int) -> None:
    answers = split(join([QUESTIONS[0]] * count), Answer("[]", "m", tokens, 7.0, "", tokens - tokens // 3, tokens // 2))
    for total, of in ((tokens, "tokens_used"), (tokens - tokens // 3, "input_tokens"), (tokens // 2, "cached_tokens")):
        shares = [getattr(a, of) for a in answers]
        assert sum(shares) == total
        assert max(shares) - min(shares) <= 1
    assert all(a.tokens_used >= a.input_tokens >= a.cached_tokens for a in answers)


Spoil = Callable[[list[dict[str, Any]]], Any]
# What the model may say, and who has an answer then; the others are asked again.
SPOILT: list[Any] = [
    pytest.param(lambda e: e[1:], "01111", id="one is missing"),
    pytest.param(lambda e: [*e, e[0]], "01111", id="one is there twice"),
    pytest.param(lambda e: [*e, e[0] | {"confidence": 0.1}], "01111", id="one is there twice and differs"),
    pytest.param(lambda e: [e[0] | {"id": "f" * 16}, *e[1:]], "01111", id="an id that was not given"),
    pytest.param(lambda e: [e[0] | {"id": e[1]["id"]}, *e[1:]], "00111", id="an id of another one"),
    pytest.param(lambda e: [e[0] | {"id": e[0]["id"].upper() + " "}, *e[1:]], "01111", id="an id that is nearly one"),
    pytest.param(lambda e: [e[0] | {"id": 7}, *e[1:]], "01111", id="an id that is no text"),
    pytest.param(lambda e: [e[0] | {"id": [e[0]["id"]]}, *e[1:]], "01111", id="an id in a list"),
    pytest.param(lambda e: [{"id": e[0]["id"]}, *e[1:]], "01111", id="an id without an answer"),
    pytest.param(lambda e: [{k: v for k, v in e[0].items() if k != "confidence"}, *e[1:]], "01111", id="not whole"),
    pytest.param(lambda e: ["yes", None, 7, *e], "11111", id="what is no answer beside the answers"),
    pytest.param(lambda e: [*e, entry("f" * 16)], "11111", id="an answer for nobody"),
    pytest.param(lambda e: [], "00000", id="an empty list"),
    pytest.param(lambda e: e[0], "00000", id="no list"),
    pytest.param(lambda e: {"answers": e}, "00000", id="a list in an object"),
    pytest.param(lambda e: json.dumps(e)[:-3], "00000", id="no JSON"),
    pytest.param(lambda e: json.dumps(e) + ', "answers": []', "00000", id="more than a list"),
    pytest.param(lambda e: json.dumps(e)[:-1] + "]], [[", "00000", id="brackets that do not match"),
    pytest.param(lambda e: json.dumps(e).replace("0.9", "NaN"), "00000", id="no finite number"),
    pytest.param(lambda e: json.dumps(e).replace('"confidence"', '"intent"', 1), "00000", id="a member twice"),
    pytest.param(lambda e: "\ud800", "00000", id="half a character"),
]


@pytest.mark.parametrize(("spoil", "known"), SPOILT)
def test_what_is_not_certainly_for_one_counts_for_nobody(spoil: Spoil, known: str) -> None:
    together = join(QUESTIONS)
    answers = told(together, spoil([entry(id, number) for number, id in enumerate(together.ids)]))
    assert "".join("1" if a.text else "0" for a in answers) == known
    for number, answer in enumerate(answers):
        assert not answer.text or json.loads(answer.text)["parameters"] == {"order_id": f"#{number}"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "intent", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(said=_JSON, noise=st.text(max_size=20))
def test_no_answer_breaks_the_reading_or_is_taken_without_an_id(said: Any, noise: str) -> None:
    together = join(QUESTIONS)
    for text in (json.dumps(said), noise, json.dumps(said) + noise):
        assert [a.text for a in told(together, text)] == [""] * 5
