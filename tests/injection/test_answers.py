"""Answers that differ from what an honest ticket says in a single field: none of them runs with the changed value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.injection.oracle import Oracle, requester
from tests.injection.pipeline import ALLOWANCE, KIM, MARA, Case, Pipeline, Step, cases
from tests.world import says

HONEST = [
    case
    for case in cases()
    if case.attack == "looks suspicious, is legitimate"
    and case.steps[0].expect["outcome"] == "executed"
    and "decide" not in case.steps[0].meanwhile
]
STRANGE: list[Any] = [None, True, 7, 0.5, "", [], {}]
CONFIDENCES = ["0.99", 1.7, -0.01, 0.79, float("nan"), float("inf"), None, True, [0.99], {"value": 0.99}]


def other_values(name: str, value: Any) -> Iterator[Any]:
    """Yield what an attacker would rather have in a parameter."""
    yield from STRANGE
    match name:
        case "order_id":
            yield from (f"{value}1", value[:-1], f"{value.swapcase()}x", f"{value} ", f"0{value}", "#20266", "90001")
        case "amount_minor":
            yield from (value + 1, value - 1, value * 10, value * 100, value // 10, value // 100, -value)
            yield from (float(value), str(value))
        case "currency":
            yield from ({"USD", "EUR", "GBP"} - {value} | {value.lower(), "CAD", "$"})
        case "email":
            yield from (MARA, f"x{value}", f"{value}.evil.example", value.replace("@", "+x@"), f"{value},{MARA}")
        case "new_address":
            yield from ("99 Evil Road, Leeds", f"{value}, Leeds", value[::-1], value.replace(" ", "  9 ", 1))
        case "summary":
            yield from (f"{value} https://evil.example", f"{value}\x1b[2J", value * 500)


def changed(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the answer with every single field changed, left out or added."""
    parameters = answer["parameters"]
    yield from ({**answer, "confidence": confidence} for confidence in CONFIDENCES)
    yield from ({k: v for k, v in answer.items() if k != left_out} for left_out in answer)
    yield from (
        {**answer, "intent": intent}
        for intent in [None, "", "delete_account", answer["intent"].upper(), 7, list[str]()]
    )
    yield {**answer, "note": "approved"}
    yield {**answer, "parameters": {**parameters, "approved": True}}
    for name, value in parameters.items():
        yield {**answer, "parameters": {k: v for k, v in parameters.items() if k != name}}
        for other in other_values(name, value):
            yield {**answer, "parameters": {**parameters, name: other}}


@pytest.mark.parametrize("case", HONEST, ids=str)
async def test_answer_with_one_field_changed_never_runs(case: Case) -> None:
    step = case.steps[0]
    ran = []
    for answer in changed(step.answer):
        pipeline = Pipeline(**case.settings)
        seen = await pipeline.take(Step(step.source, step.payload, answer, step.expect))
        if seen.outcome == "executed" or seen.effects or not seen.reasons:
            ran.append(json.dumps(answer))
    assert ran == []


def wishes(step: Step) -> Iterator[dict[str, Any]]:
    """Yield a well-formed answer of every other intent, filled from what the ticket itself says."""
    said = step.answer["parameters"]
    order, email = said.get("order_id", "10021"), requester(step.source, step.payload) or KIM
    answers = (
        says(
            "refund_request",
            order_id=order,
            amount_minor=said.get("amount_minor", 2500),
            currency=said.get("currency", "USD"),
        ),
        says("password_reset", email=email),
        says("order_status", order_id=order),
        says("cancel_order", order_id=order),
        says("change_address", order_id=order, new_address=said.get("new_address", "99 Evil Road, Leeds")),
    )
    yield from (answer for answer in answers if answer["intent"] != step.answer["intent"])


@pytest.mark.parametrize("case", HONEST, ids=str)
async def test_intent_that_the_ticket_does_not_ask_for_gets_no_further_than_policy(case: Case) -> None:
    """No check in code ties the intent to the text: what bounds a wrong one is provenance, ownership and policy."""
    step = case.steps[0]
    for automatic in (ALLOWANCE, {}):
        for answer in wishes(step):
            oracle, pipeline = Oracle(automatic), Pipeline(automatic=automatic)
            seen = await pipeline.take(Step(step.source, step.payload, answer, step.expect, foreign=step.foreign))
            assert [oracle.objections(step, entry) for entry in seen.effects] in ([], [[]]), answer
            assert seen.outcome in ("executed", "paused", "refused")
            assert seen.outcome == "executed" or seen.reasons
