"""The gate once more, right before the effect: what has changed since the decision stops it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.gate.start import start_refusal
from shared.settings import Settings
from shared.task.moves import Person
from shared.task.schemas import Review, TaskRecord
from shared.task.waiting import approve, reject
from tests.store import BEGINNING
from tests.unit.gate.planning import OPEN, record, refusal
from tests.world import ORDER_STATUS, REGISTRY


def test_start_is_allowed_while_nothing_changed() -> None:
    assert refusal(record()) is None


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (Settings(), "policy_changed"),
        (Settings(automatic={"refund_request": 2499}), "policy_changed"),
        (replace(OPEN, confidence_threshold=0.96), "policy_changed"),
        (replace(OPEN, disabled_intents=frozenset({"refund_request"})), "switched_off"),
    ],
)
def test_policy_that_became_stricter_stops_the_effect(settings: Settings, code: str) -> None:
    assert refusal(record(), settings) == code


def test_switch_stops_the_effect_even_of_an_approved_task() -> None:
    waiting = record(settings=Settings())
    approved = approve(waiting, Person("ops", "console"), BEGINNING, intent=REGISTRY["refund_request"])
    assert refusal(approved, Settings()) is None
    assert refusal(approved, Settings(), off=True) == "switched_off"


def test_source_that_may_not_ask_any_more_stops_the_effect() -> None:
    elsewhere = replace(REGISTRY["refund_request"], sources=frozenset({"crm"}))
    assert start_refusal(record(), elsewhere, OPEN, switched_off=False) == "intent_disabled"
    assert start_refusal(record(), elsewhere, OPEN, switched_off=True) == "switched_off"


def test_fewer_approvals_than_it_takes_are_no_approval() -> None:
    refund = REGISTRY["refund_request"]
    two = replace(refund, policy=replace(refund.policy, approvals=2))
    one = approve(record(settings=Settings()), Person("ops", "console"), BEGINNING, intent=refund)
    assert start_refusal(one, two, OPEN, switched_off=False) == "approval_missing"
    above = replace(two, policy=replace(two.policy, approvals_above=2500))
    assert start_refusal(one, above, OPEN, switched_off=False) is None
    before_reviews = one.model_copy(update={"review": Review()})
    assert start_refusal(before_reviews, refund, Settings(), switched_off=False) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"parameters": {"order_id": "#10021", "amount_minor": 2501, "currency": "USD"}}, "parameters_tampered"),
        ({"intent_version": 2}, "parameters_tampered"),
        ({"params_hash": "0" * 64}, "parameters_tampered"),
        ({"state": "READY", "decision": {"route": "approve", "reasons": []}}, "approval_missing"),
    ],
)
def test_document_that_was_edited_by_hand_stops_the_effect(changes: dict[str, Any], code: str) -> None:
    assert refusal(TaskRecord.model_validate(record().model_dump() | changes)) == code


def test_rejection_is_no_approval() -> None:
    rejected = reject(record(settings=Settings()), Person("ops", "console"), BEGINNING)
    assert refusal(rejected) == "approval_missing"


def test_parameters_that_the_intent_no_longer_takes_stop_the_effect() -> None:
    from shared.canonical import params_hash

    old = {"order_id": "#47384", "carrier": "any"}
    r = record(ORDER_STATUS).model_copy(update={"parameters": old, "params_hash": params_hash("order_status", 1, old)})
    assert refusal(r) == "parameters_outdated"
