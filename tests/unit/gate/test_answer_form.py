"""An answer of the model that has not the form that was asked for goes to a person, with what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.intent.registry import Registry
from tests.unit.gate.planning import LEFT_OUT, OPEN, REFUND_ANSWER, REFUND_PARAMETERS, STATUS, codes, planned
from tests.world import ORDER_STATUS, REFUND, REGISTRY, says


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "answer_unreadable: malformed_json"),
        ("null", "answer_unreadable: not_an_object"),
        ("[]", "answer_unreadable: not_an_object"),
        ('"order_status"', "answer_unreadable: not_an_object"),
        ("```json\n{}\n```", "answer_malformed"),
        ("THOUGHT: they ask for an order.\n" + json.dumps(STATUS), "answer_unreadable: malformed_json"),
        (json.dumps(STATUS) + "\nI chose order_status.", "answer_unreadable: malformed_json"),
        (f"```json\n{json.dumps(STATUS)}\n```\nI chose it.", "answer_unreadable: malformed_json"),
        (f"```\n{json.dumps(STATUS)}\n{json.dumps(STATUS)}\n```", "answer_unreadable: malformed_json"),
        (f"```json\n{json.dumps(STATUS)}\n```\n```json\n{json.dumps(STATUS)}\n```", "answer_unreadable"),
        (f"```json\n[{json.dumps(STATUS)}]\n```", "answer_unreadable: malformed_json"),
        (json.dumps(STATUS)[:-1], "answer_unreadable: malformed_json"),
        (json.dumps(STATUS) + json.dumps(STATUS), "answer_unreadable: malformed_json"),
        (json.dumps(STATUS).replace("0.95", "NaN"), "answer_unreadable: not_finite"),
        (json.dumps(STATUS).replace("0.95", "Infinity"), "answer_unreadable: not_finite"),
        (json.dumps(STATUS).replace("0.95", "1e999"), "answer_unreadable: not_finite"),
        (json.dumps(STATUS).replace("0.95", "9" * 5000), "answer_unreadable: integer_too_large"),
        ('{"confidence":1,"confidence":1,"intent":"order_status","parameters":{}}', "answer_unreadable: duplicate_key"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "answer_unreadable: too_deep"),
        ("\ud800", "answer_unreadable: not_utf8"),
        (json.dumps({k: v for k, v in STATUS.items() if k != "intent"}), "answer_malformed"),
        (json.dumps({**STATUS, "parameters": [["order_id", "1"]]}), "answer_malformed"),
        (json.dumps({**STATUS, "parameters": "order_id=1"}), "answer_malformed"),
        (json.dumps({**STATUS, "parameters": None}), "answer_malformed"),
    ],
)
def test_answer_of_another_form_goes_to_a_person_with_the_reason(text: str, reason: str) -> None:
    decided = planned(text, ORDER_STATUS[0])
    assert (decided.intent, decided.decision.route, decided.parameters) == ("unclassified", "approve", {})
    assert len(decided.decision.reasons) == 1
    assert decided.decision.reasons[0].startswith(reason)
    assert decided.classification.said == text[:2000].replace("\ud800", "?")


IN_A_FENCE = "answer_mended: it stood in a code fence"
BESIDE = "answer_mended: what stood beside intent, parameters and confidence was left out"
POINT = "answer_mended: amount_minor was written with a decimal point"
NO_NUMBER = "confidence_invalid: must be a number from 0 to 1"
UNSURE = "low_confidence: 0.00 is below 0.80"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (f"```json\n{json.dumps(REFUND_ANSWER)}\n```", [IN_A_FENCE]),
        (f"  ```JSON {json.dumps(REFUND_ANSWER, indent=2)}```\n", [IN_A_FENCE]),
        (f"```\n{json.dumps(REFUND_ANSWER)}\n```", [IN_A_FENCE]),
        (json.dumps({**REFUND_ANSWER, "explanation": "x"}), [BESIDE]),
        (json.dumps(says("refund_request", **REFUND_PARAMETERS, summary="They want money")), [LEFT_OUT]),
        (json.dumps(says("refund_request", **REFUND_PARAMETERS, summary="", email="")), [LEFT_OUT]),
        (json.dumps(REFUND_ANSWER).replace("2500", "2500.0"), [POINT]),
        (json.dumps({**REFUND_ANSWER, "confidence": "0.95"}), [NO_NUMBER, UNSURE]),
        (json.dumps({k: v for k, v in REFUND_ANSWER.items() if k != "confidence"}), [NO_NUMBER, UNSURE]),
    ],
)
def test_answer_that_is_nearly_right_keeps_its_suggestion_and_asks_a_person(text: str, reasons: list[str]) -> None:
    decided = planned(text, REFUND[0])
    assert (decided.decision.route, decided.decision.reasons) == ("approve", reasons)
    assert (decided.intent, decided.parameters) == ("refund_request", REFUND_PARAMETERS)
    assert decided.classification.said == text


@pytest.mark.parametrize(("name", "value"), [("amount_minor", "2500"), ("order_id", 10021), ("currency", "usd")])
def test_value_of_a_wrong_type_is_shown_as_it_was_suggested(name: str, value: Any) -> None:
    decided = planned(says("refund_request", **(REFUND_PARAMETERS | {name: value})), REFUND[0])
    assert (decided.decision.route, decided.intent, decided.parameters) == ("approve", "unclassified", {})
    assert codes(decided)[0] == "parameters_invalid"
    assert decided.classification.intent == "refund_request"
    assert decided.classification.parameters == REFUND_PARAMETERS | {name: value}


@pytest.mark.parametrize("amount", [2500.5, 1e17, 1e300, -1e300, 25e-1])
def test_number_that_is_no_whole_one_of_a_safe_size_is_not_rounded(amount: float) -> None:
    decided = planned(says("refund_request", **(REFUND_PARAMETERS | {"amount_minor": amount})), REFUND[0])
    assert (decided.decision.route, decided.parameters) == ("approve", {})
    assert "parameters_invalid: amount_minor: int_type" in decided.decision.reasons


@pytest.mark.parametrize("answer", [REFUND_ANSWER, says("out_of_scope")])
def test_answer_that_was_read_as_it_stands_is_not_kept_a_second_time(answer: Any) -> None:
    assert planned(answer, REFUND[0]).classification.said == ""


def test_answer_that_cannot_be_read_is_kept_short_and_fit_to_be_shown() -> None:
    said = planned("\x1b[2J\u202eno \ud800 JSON\n" + "x" * 9000, REFUND[0]).classification.said
    assert said.startswith("\ufffd[2J\ufffdno ? JSON\nxxx")
    assert len(said) == 2000


@pytest.mark.parametrize(
    "name", ["delete_account", "ORDER_STATUS", "order_status ", "__class__", 7, ["order_status"], {}, True]
)
def test_intent_that_is_none_of_ours_goes_to_a_person(name: Any) -> None:
    decided = planned({**STATUS, "intent": name}, ORDER_STATUS[0])
    assert (decided.intent, codes(decided)) == ("unclassified", ["unknown_intent"])


@pytest.mark.parametrize("name", ["unclassified", "out_of_scope", None])
def test_model_may_say_that_nothing_fits(name: Any) -> None:
    decided = planned({**STATUS, "intent": name}, ORDER_STATUS[0])
    assert (decided.intent, codes(decided)) == ("unclassified", ["out_of_scope"])


def test_intent_that_is_off_or_closed_to_the_source_goes_to_a_person() -> None:
    task, answer = ORDER_STATUS
    closed = Registry({"order_status": replace(REGISTRY["order_status"], sources=frozenset({"zendesk"}))})
    off = planned(answer, task, settings=replace(OPEN, disabled_intents=frozenset({"order_status"})))
    assert codes(off) == codes(planned(answer, task, registry=closed)) == ["intent_disabled"]
