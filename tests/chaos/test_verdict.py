"""The comparison itself: it is content with what holds, and names every single thing that does not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from infra.sandbox.ledger import Entry
from shared.task.birth import Plan, born
from shared.task.schemas import (
    UNCLASSIFIED,
    ApprovalDecision,
    AutomationTask,
    Classification,
    Decision,
    Effect,
    Execution,
    Outbox,
    ResultMessage,
    State,
    TaskRecord,
    Transition,
)
from tests.chaos.events import MARKER, events
from tests.chaos.run import leaks
from tests.chaos.verdict import Evidence, Verdict, judge
from tests.shipped import shipped

NOW = datetime(2030, 1, 1, tzinfo=UTC)
REGISTRY = shipped()
PARAMETERS: dict[str, dict[str, Any]] = {
    "refund_request": {"order_id": "#50001", "amount_minor": 2500, "currency": "USD"},
    "cancel_order": {"order_id": "#50001"},
    "change_address": {"order_id": "#50001", "new_address": "12 Baker Street, London"},
    "password_reset": {"email": "customer-50001@example.com"},
    "ticket_summary": {"summary": "Ticket 50001: a < b"},
    "order_status": {"order_id": "#50001"},
}
EFFECTS: dict[str, dict[str, Any]] = {
    "refund_request": {"operation": "refund", "subject": "50001", "amount_minor": 2500, "detail": "usd"},
    "cancel_order": {"operation": "cancel", "subject": "50001"},
    "change_address": {"operation": "change_address", "subject": "50001", "detail": "12 Baker Street, London"},
    "password_reset": {"operation": "change_password", "subject": "customer-50001@example.com"},
    "ticket_summary": {"operation": "post_message", "subject": "#ops", "detail": "Ticket 50001: a &lt; b"},
}


def record(intent: str = "refund_request", state: State = "SUCCEEDED", **changes: Any) -> TaskRecord:
    """Return the record of event 50001 as it should be at the end."""
    task = AutomationTask(task_id="t1", source="helpdesk", raw_payload={"text": "about #50001"})
    said = Classification(
        intent=intent, parameters={}, confidence=1.0, model="m", prompt_version="v", tokens_used=0, latency_ms=0
    )
    plan = Plan(intent, 1, PARAMETERS.get(intent, {}), said, Decision(route="execute", reasons=[]), "topic")
    start = born(task, plan, NOW, retention=NOW - NOW)
    ended = Transition(at=NOW, from_state="EXECUTING", to=state, by="execute", why="because")
    return start.model_copy(
        update={"state": state, "outbox": None, "next_check_at": None, "history": [*start.history, ended]} | changes
    )


def entry(intent: str = "refund_request", **changes: Any) -> Entry:
    """Return the effect of that record."""
    key = f"t1.{intent}.1" if intent in ("refund_request", "cancel_order") else None
    plain = {
        "at": "",
        "vendor": "v",
        "idempotency_key": key,
        "replayed": False,
        "amount_minor": None,
        "request_id": "r",
    }
    return Entry(**(plain | {"amount_minor": None} | EFFECTS[intent] | changes))


def published(task: TaskRecord) -> ResultMessage:
    """Return its result as topic `results` gets it."""
    return ResultMessage(
        task_id=task.task_id,
        intent=task.intent,
        state=task.state,
        generation=task.generation,
        success=True,
        output="",
        execution_time_ms=0,
        tokens_used=0,
    )


def evidence(task: TaskRecord, *ledger: Entry, **changes: Any) -> Evidence:
    """Return what a run saw of one event that became this record."""
    intent = "" if task.intent == UNCLASSIFIED else task.intent
    seen = Evidence({50001: intent}, {50001: {"t1"}}, {"t1": task}, ledger, [published(task)])
    return replace(seen, **changes)


def kinds(seen: Evidence) -> set[str]:
    return {problem.kind for problem in verdict(seen).problems}


def verdict(seen: Evidence) -> Verdict:
    return judge(seen, REGISTRY)


@pytest.mark.parametrize("intent", EFFECTS)
def test_success_with_its_effect_is_fine(intent: str) -> None:
    assert verdict(evidence(record(intent), entry(intent))).problems == []


def test_success_that_only_reads_needs_no_effect() -> None:
    assert verdict(evidence(record("order_status"))).problems == []


@pytest.mark.parametrize("state", ["FAILED", "REJECTED", "EXPIRED", "CANCELLED", "AWAITING_APPROVAL"])
def test_anything_but_success_is_fine_without_an_effect(state: State) -> None:
    assert verdict(evidence(record(state=state))).problems == []


@pytest.mark.parametrize("state", ["FAILED", "REJECTED", "EXPIRED", "CANCELLED", "AWAITING_APPROVAL"])
def test_anything_but_success_with_an_effect_is_seen(state: State) -> None:
    assert kinds(evidence(record(state=state), entry())) == {"denied"}


def test_lost_task_is_seen() -> None:
    found = verdict(evidence(record(), records={}, ledger=[]))
    assert [(p.kind, p.task) for p in found.problems] == [("lost", "t1")]
    assert found.count("lost") == 1


def test_event_that_was_never_accepted_is_seen() -> None:
    assert kinds(evidence(record(state="REJECTED"), accepted={})) == {"refused", "invented"}


def test_event_that_became_two_tasks_is_seen() -> None:
    task = record()
    two = {"t1": task, "t2": task.model_copy(update={"task_id": "t2", "state": "AWAITING_APPROVAL"})}
    assert kinds(evidence(task, entry(), accepted={50001: {"t1", "t2"}}, records=two)) == {"split"}


def test_record_of_no_event_is_seen() -> None:
    task = record(state="REJECTED")
    stranger = task.model_copy(update={"task_id": "t9"})
    assert "invented" in kinds(evidence(task, records={"t1": task, "t9": stranger}))


def test_record_of_another_event_is_seen() -> None:
    other = record().model_copy(update={"payload": "{}"})
    assert kinds(evidence(other, entry())) == {"swapped"}
    assert kinds(evidence(record("cancel_order"), entry("cancel_order"), events={50001: "order_status"})) == {"swapped"}


def test_doubled_effect_is_seen() -> None:
    found = verdict(evidence(record(), entry(), entry()))
    assert ([p.kind for p in found.problems], found.repeats) == (["doubled"], 0)


def test_repeat_that_changes_nothing_is_counted_and_no_problem() -> None:
    found = verdict(evidence(record("password_reset"), entry("password_reset"), entry("password_reset")))
    assert ([p.kind for p in found.problems], found.repeats) == ([], 1)


def test_success_without_its_effect_is_seen() -> None:
    assert kinds(evidence(record())) == {"hollow"}


def test_effect_of_nobody_is_seen() -> None:
    assert kinds(evidence(record(), entry(), entry(subject="99999"))) == {"unattributed"}


@pytest.mark.parametrize(
    ("intent", "changed"),
    [
        ("refund_request", {"amount_minor": 2501}),
        ("refund_request", {"detail": "eur"}),
        ("refund_request", {"idempotency_key": "t1.refund_request.2"}),
        ("cancel_order", {"operation": "change_address"}),
        ("change_address", {"detail": "13 Baker Street, London"}),
        ("ticket_summary", {"detail": "Ticket 50001: a > b"}),
    ],
)
def test_effect_with_other_parameters_than_the_record_is_seen(intent: str, changed: dict[str, Any]) -> None:
    assert kinds(evidence(record(intent), entry(intent, **changed))) == {"changed"}


def unknown(intent: str, why: str = "timeout", attempts: int = 1, possibly_applied: bool = True) -> TaskRecord:
    history = Transition(at=NOW, from_state="EXECUTING", to="UNKNOWN", by="execute", why=why)
    return record(
        intent,
        "UNKNOWN",
        history=[history],
        exec=Execution(attempts=attempts),
        effect=Effect(possibly_applied=possibly_applied),
    )


def test_unknown_without_a_key_is_explained_whatever_the_ledger_says() -> None:
    for ledger in ([], [entry("change_address")]):
        found = verdict(evidence(unknown("change_address"), *ledger))
        assert found.problems == []
        assert [(u.explained, u.applied) for u in found.unknowns] == [("the provider takes no key", bool(ledger))]


def test_unknown_with_a_key_is_explained_by_its_attempts_its_dead_letter_or_a_late_refusal() -> None:
    assert kinds(evidence(unknown("refund_request", attempts=5))) == set()
    assert kinds(evidence(unknown("refund_request", why="dead_lettered"))) == set()
    for earlier, problems in ((True, set()), (False, {"unexplained"})):
        effect = Effect(possibly_applied=True, applied_before_attempt=earlier)
        refused = unknown("password_reset", why="provider_409", attempts=4).model_copy(update={"effect": effect})
        assert kinds(evidence(refused)) == problems


def test_unexplained_unknown_is_seen() -> None:
    assert kinds(evidence(unknown("refund_request"))) == {"unexplained"}
    assert kinds(evidence(unknown("change_address", possibly_applied=False))) == {"unexplained"}


@pytest.mark.parametrize("state", ["READY", "EXECUTING"])
def test_task_that_did_not_come_to_rest_is_seen(state: State) -> None:
    assert "restless" in kinds(evidence(record(state=state)))


def test_result_that_is_still_owed_or_was_never_published_is_seen() -> None:
    owing = record(outbox=Outbox(topic="results", generation=1, due_at=NOW))
    assert kinds(evidence(owing, entry())) == {"restless"}
    assert kinds(evidence(record(), entry(), results=[])) == {"silent"}
    earlier = published(record()).model_copy(update={"generation": 2})
    assert kinds(evidence(record(), entry(), results=[earlier])) == {"silent"}


def approved(decision: Literal["approve", "reject"]) -> ApprovalDecision:
    return ApprovalDecision(decision=decision, by="ops", channel="console", at=NOW)


def test_effect_that_nobody_approved_is_seen() -> None:
    asked = Decision(route="approve", reasons=["ceiling: x"])
    assert kinds(evidence(record(decision=asked), entry())) == {"unapproved"}
    assert kinds(evidence(record(decision=asked, approval=approved("reject")), entry())) == {"unapproved"}
    assert kinds(evidence(record(decision=asked, approval=approved("approve")), entry())) == set()


def test_confirmed_decision_that_does_not_stand_is_seen() -> None:
    task = record(approval=approved("approve"))
    assert kinds(evidence(task, entry(), told={"t1": ["approve"]})) == set()
    assert kinds(evidence(task, entry(), told={"t1": ["reject"]})) == {"overruled"}
    assert kinds(evidence(task, entry(), told={"t1": ["approve", "approve"]})) == {"overruled"}
    assert kinds(evidence(record(), entry(), told={"t1": ["approve"]})) == {"overruled"}


def test_decision_that_nobody_took_and_whatever_else_was_found_are_seen() -> None:
    assert kinds(evidence(record(), entry(), open_edits=["t1"])) == {"unheard"}
    assert kinds(evidence(record(), entry(), besides=["still running: 17 python"])) == {"besides"}


@pytest.mark.parametrize("line", [f"said {MARKER}", "to a@example.com", "Traceback (most recent call last):"])
def test_payload_or_traceback_in_a_log_is_seen(tmp_path: Path, line: str) -> None:
    log = tmp_path / "logs" / "functions-0" / "intake.log"
    log.parent.mkdir(parents=True)
    log.write_text('{"severity": "INFO"}\n')
    assert list(leaks(tmp_path)) == []
    log.write_text(f"{line}\n")
    assert [found.partition(" ")[0] for found in leaks(tmp_path)] == ["logs/functions-0/intake.log"]


def test_every_event_has_a_number_of_its_own_and_asks_for_every_intent() -> None:
    made = events(200, 3, 60)
    assert len({event.number for event in made}) == 200
    assert {event.intent for event in made} == {*REGISTRY, ""}
    assert {event.route for event in made} == {"/", "/hooks/webshop", "topic events"}
    assert made == events(200, 3, 60)
    assert all(a.at_s <= b.at_s for a, b in itertools.pairwise(made))
