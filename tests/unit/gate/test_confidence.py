"""What is proven of a classifier decides in place of its own word, and nothing else does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.event.payload import view
from shared.gate.plan import plan
from shared.gate.policy import Usage
from shared.gate.start import start_refusal
from shared.intent.registry import Registry
from shared.model.question import Answer
from shared.settings import Settings
from shared.task.birth import Plan, born
from tests.certificates import certificate
from tests.store import BEGINNING
from tests.world import ORDER_STATUS, REFUND, REGISTRY, says, ticket

TASK, SAID = ORDER_STATUS
PLAIN = Settings()
ASKED = Settings(certification=True)
PROVEN = Settings(certification=True, certificate=certificate("order_status"))


def planned(confidence: float, settings: Settings, case: Any = ORDER_STATUS, counted: int = 0, **changes: Any) -> Plan:
    task, said = case
    answer = Answer(json.dumps({**said, "confidence": confidence}), changes.get("model", "m"), 100, 5.0)
    registry = changes.get("registry", REGISTRY)
    seen, at, version = view(task.source, task.raw_payload), changes.get("at", BEGINNING), changes.get("prompt", "p1")
    return plan(task, seen, answer, version, registry, settings, Usage(), at, draw=0.99, counted=counted)


@pytest.mark.parametrize(
    ("settings", "confidence", "route"),
    [
        (PLAIN, 0.79, "approve"),
        (PLAIN, 0.80, "execute"),
        (ASKED, 0.99, "approve"),
        (PROVEN, 0.60, "execute"),
        (PROVEN, 0.59, "approve"),
        (replace(PROVEN, certification=False), 0.60, "execute"),
        (replace(PROVEN, confidence_threshold=0.98), 0.99, "approve"),  # it was right in .97 of cases
        (replace(PROVEN, certificate=certificate("refund_request")), 0.99, "approve"),
        (Settings(certificate=certificate("refund_request")), 0.80, "execute"),
    ],
)
def test_what_is_proven_decides_in_place_of_the_threshold(settings: Settings, confidence: float, route: str) -> None:
    assert planned(confidence, settings).decision.route == route


def test_unproven_task_says_how_many_decisions_there_are() -> None:
    decision = planned(0.99, ASKED, counted=212).decision
    assert (decision.reasons, decision.drawn) == (["unproven: 212 of about 500 decisions"], "probation")


@pytest.mark.parametrize("change", [{"model": "m2"}, {"prompt": "p2"}, {"at": BEGINNING + timedelta(days=90)}])
def test_certificate_lapses_with_the_model_the_prompt_and_its_time(change: dict[str, Any]) -> None:
    assert planned(0.99, PROVEN, **change).decision.drawn == "probation"
    plain = replace(PROVEN, certification=False)
    assert planned(0.79, plain, **change).decision.route == "approve"
    assert planned(0.80, plain, **change).decision.route == "execute"


def test_record_says_what_the_confidence_was_worth_beside_what_the_model_said() -> None:
    decided = planned(0.55, PROVEN)
    assert (decided.classification.confidence, decided.decision.calibrated) == (0.55, 0.85)
    assert planned(0.9, PLAIN).decision.calibrated is None


def test_intent_demands_more_than_what_is_proven() -> None:
    intent = REGISTRY["order_status"]
    careful = replace(intent, policy=replace(intent.policy, min_confidence=0.9))
    registry = Registry({**REGISTRY, "order_status": careful})
    assert planned(0.89, PROVEN, registry=registry).decision.reasons == ["low_confidence: 0.89 is below 0.90"]


def test_proof_takes_no_other_reason_away() -> None:
    settings = replace(PROVEN, certificate=certificate("refund_request"))
    decision = planned(0.99, settings, REFUND).decision
    assert (decision.reasons, decision.drawn) == (["policy: money intents need a person"], "policy")


@pytest.mark.parametrize(("settings", "drawn"), [(PLAIN, ""), (ASKED, "probation"), (PROVEN, "")])
def test_decision_about_what_fits_nothing_is_proof_only_on_probation(settings: Settings, drawn: str) -> None:
    assert planned(0.3, settings, (ticket("hello"), says("out_of_scope"))).decision.drawn == drawn


def test_start_asks_for_the_proof_again() -> None:
    record = born(TASK, planned(0.7, PROVEN), BEGINNING, retention=timedelta(days=9))
    intent = REGISTRY["order_status"]
    assert start_refusal(record, intent, PROVEN, switched_off=False) is None
    stricter = replace(PROVEN, certificate=certificate("order_status", threshold=0.8))
    assert start_refusal(record, intent, stricter, switched_off=False) == "policy_changed"
    assert start_refusal(record, intent, ASKED, switched_off=False) == "policy_changed"
