"""The declarations that ship hold, and a wrong one says which file and how to mend it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.intent.checks import clashes, problems
from shared.intent.declaration import Idempotency, Intent, Limits, ParametersModel, Policy, Provider, by_key, topic_for
from shared.intent.registry import discover, load_handler
from tests.shipped import SHIPPED
from tests.world import REGISTRY

GOOD = REGISTRY["refund_request"]


def test_six_intents_ship_and_each_intent_has_a_handler() -> None:
    assert set(SHIPPED) <= set(discover())
    for name in REGISTRY:
        assert load_handler(name).handle


def test_money_and_credentials_are_declared_as_such() -> None:
    risks = {name: REGISTRY[name].policy.risk for name in SHIPPED if REGISTRY[name].policy.risk != "none"}
    assert risks == {
        "refund_request": "money",
        "password_reset": "credential",
        "cancel_order": "goods",
        "change_address": "goods",
    }


def test_intents_that_act_for_somebody_need_to_know_whom() -> None:
    needs = {name: REGISTRY[name].needs for name in SHIPPED}
    assert needs.pop("ticket_summary") == ()
    assert set(needs.values()) == {("/requester/email",)}


def test_name_becomes_a_topic_in_one_place() -> None:
    assert topic_for("refund_request") == GOOD.topic == "intent-refund-request"


def test_intent_runs_at_most_once_unless_it_says_otherwise() -> None:
    intent = Intent("x_y", "d", ("a", "b", "c"), GOOD.parameters, Provider("p", url="https://p.example.com"))
    assert intent.idempotency.kind == "none"


class Empty(ParametersModel):
    """Nothing to fill in."""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "refund"}, "make them equal"),
        ({"description": " "}, "description is empty"),
        ({"examples": ("a", "b")}, "at least 3 examples"),
        ({"near_misses": "one text"}, "near_misses must be texts"),
        ({"near_misses": (f" {GOOD.examples[0].upper()} ",)}, "is an example, too"),
        ({"parameters": dict}, "subclass of ParametersModel"),
        ({"parameters": Empty}, "has no fields"),
        ({"policy": Policy(risk="money", subject="/requester/email")}, "policy.amount must name"),
        ({"policy": Policy(amount="order_id", subject="/requester/email")}, "is no int field"),
        ({"policy": Policy(amount="price", subject="/requester/email")}, "is no int field"),
        ({"policy": Policy(subject="customer")}, "neither a pointer nor a field"),
        ({"policy": Policy(per_day=3)}, "policy.subject must say by whom"),
        ({"policy": Policy(audit_share=1.5)}, "audit_share"),
        ({"needs": ("/requester/email", "email")}, "needs has 'email';"),
        ({"limits": Limits(max_concurrency=0)}, "limits must be"),
        ({"limits": Limits(timeout_s=541)}, "limits must be"),
        ({"limits": Limits(max_attempts=0)}, "limits must be"),
        ({"idempotency": Idempotency("by_key")}, "positive safe_age"),
        ({"idempotency": by_key(timedelta(seconds=-1))}, "positive safe_age"),
    ],
)
def test_wrong_declaration_says_what_is_wrong(change: dict[str, Any], problem: str) -> None:
    assert any(problem in p for p in problems(replace(GOOD, **change), "refund_request"))


def test_declarations_that_ship_have_no_problem() -> None:
    assert {name: list(problems(intent, name)) for name, intent in REGISTRY.items()} == {n: [] for n in REGISTRY}


def test_parameter_of_two_kinds_is_refused_with_both_places() -> None:
    class Other(ParametersModel):
        """The same name, another kind."""

        order_id: int

    [said] = clashes([REGISTRY["order_status"], replace(GOOD, name="zz", parameters=Other, examples=("a", "b", "c"))])
    assert said.startswith(
        "functions/execute/zz/intent.py: parameter 'order_id' is integer here and string in order_st"
    )


def test_schema_of_all_parameters_has_every_name_once() -> None:
    union = REGISTRY.union_properties()
    assert {"order_id", "amount_minor", "currency", "email", "new_address", "summary"} <= set(union)
    assert set(union) == {name for intent in REGISTRY.values() for name in intent.parameters.model_fields}
    assert union["amount_minor"]["type"] == "integer"


def test_handler_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        load_handler("no_such_intent")


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_parameters_are_strict_closed_and_silent_about_their_input(name: str) -> None:
    with pytest.raises(ValidationError) as error:
        REGISTRY[name].parameters.model_validate({"secret-4711": "secret-4711"})
    assert "input_value" not in str(error.value)
    assert "extra_forbidden" in {d["type"] for d in error.value.errors()}
    assert REGISTRY[name].parameters.model_config["strict"] is True
