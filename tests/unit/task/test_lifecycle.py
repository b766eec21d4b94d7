"""Every arrow of the state machine, allowed and forbidden, and the guards on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Refused
from shared.intent.declaration import NATURAL, NONE, Intent, Limits, by_key
from shared.task import birth, execution, repair, upkeep, waiting
from shared.task.birth import Plan
from shared.task.moves import MAX_RECONCILES, RECONCILE_AFTER, Person, Skip
from shared.task.schemas import MAX_HISTORY, TERMINAL, Classification, Decision, TaskRecord, TaskResult
from tests.world import BEGINNING, REGISTRY, ticket

NOW = BEGINNING
LATER = NOW + timedelta(minutes=5)
EXPIRY = NOW + timedelta(hours=72)
OPS = Person("ops@example.com", "console")
RESULT = TaskResult(success=True, output="done", execution_time_ms=3.0, tokens_used=120)
PARAMETERS = {"order_id": "10021", "amount_minor": 2500, "currency": "USD"}
BY_KEY = replace(REGISTRY["refund_request"], limits=Limits(timeout_s=30, max_attempts=3))
KEYLESS = replace(BY_KEY, idempotency=NONE)
HARMLESS = replace(BY_KEY, idempotency=NATURAL)


def born(route: Any = "execute") -> TaskRecord:
    said = Classification(
        intent="refund_request",
        parameters=PARAMETERS,
        confidence=0.95,
        model="m",
        prompt_version="p",
        tokens_used=120,
        latency_ms=5.0,
    )
    decision = Decision(route=route, reasons=[], expires_at=EXPIRY if route == "approve" else None)
    plan = Plan("refund_request", 1, PARAMETERS, said, decision, "intent-refund-request")
    return birth.born(ticket("refund please"), plan, NOW, retention=timedelta(days=90))


def claimed(record: TaskRecord, intent: Intent = BY_KEY, now: Any = NOW, message_id: str = "m1") -> TaskRecord:
    return execution.claim(record, record.generation, intent, now, nonce="n", message_id=message_id)


def working(record: TaskRecord | None = None, intent: Intent = BY_KEY, now: Any = NOW) -> TaskRecord:
    """EXECUTING, the start marker set."""
    record = claimed(record or born(), intent, now)
    return execution.start(record, record.exec.epoch, intent, now, None)


def unknown() -> TaskRecord:
    return execution.ambiguous(working(intent=KEYLESS), 1, KEYLESS, NOW, code="timeout")


def failed() -> TaskRecord:
    return execution.fail(working(), 1, NOW, code="card_declined", message="declined")


RECORDS: dict[str, TaskRecord] = {
    "READY": born(),
    "AWAITING_APPROVAL": born("approve"),
    "EXECUTING": working(),
    "EXECUTING_UNSTARTED": claimed(born()),
    "SUCCEEDED": execution.succeed(working(), 1, RESULT, "re_1", NOW),
    "FAILED": failed(),
    "UNKNOWN": unknown(),
    "REJECTED": waiting.reject(born("approve"), OPS, NOW),
    "EXPIRED": waiting.expire(born("approve"), EXPIRY),
    "CANCELLED": repair.cancel(born(), OPS, "mistake", NOW),
}


def redrive(record: TaskRecord, **more: Any) -> TaskRecord:
    wish: dict[str, Any] = {"reason": "again", "intent": BY_KEY, "parameters": record.parameters} | more
    by, now = wish.pop("by", OPS), wish.pop("now", LATER)
    return repair.redrive(record, by, now, **({"looked_at": now} | wish))


Arrow = Callable[[TaskRecord], TaskRecord]
BUSY = {"EXECUTING", "EXECUTING_UNSTARTED"}
# arrow: how to take it; from which states it may be taken, and where it leads; what the others are told.
ARROWS: dict[str, tuple[Arrow, dict[str, str], type[Exception]]] = {
    "approve": (
        lambda r: waiting.approve(r, OPS, LATER, intent=BY_KEY, parameters=PARAMETERS),
        {"AWAITING_APPROVAL": "READY"},
        Refused,
    ),
    "reject": (lambda r: waiting.reject(r, OPS, LATER), {"AWAITING_APPROVAL": "REJECTED"}, Refused),
    "expire": (lambda r: waiting.expire(r, EXPIRY), {"AWAITING_APPROVAL": "EXPIRED"}, Skip),
    "claim": (lambda r: claimed(r, message_id="other"), {"READY": "EXECUTING"}, Skip),
    "start": (
        lambda r: execution.start(r, 1, BY_KEY, NOW, None),
        dict.fromkeys(BUSY, "EXECUTING"),
        Skip,
    ),
    "start refused by policy": (
        lambda r: execution.start(r, 1, BY_KEY, NOW, "intent_disabled"),
        {"EXECUTING_UNSTARTED": "FAILED", "EXECUTING": "UNKNOWN"},
        Skip,
    ),
    "succeed": (lambda r: execution.succeed(r, 1, RESULT, None, NOW), dict.fromkeys(BUSY, "SUCCEEDED"), Skip),
    "fail": (
        lambda r: execution.fail(r, 1, NOW, code="no", message="no"),
        dict.fromkeys(BUSY, "FAILED"),
        Skip,
    ),
    "retry": (lambda r: execution.retry(r, 1, BY_KEY, NOW, code="429"), dict.fromkeys(BUSY, "READY"), Skip),
    "ambiguous by key": (
        lambda r: execution.ambiguous(r, 1, BY_KEY, NOW, code="timeout"),
        dict.fromkeys(BUSY, "READY"),
        Skip,
    ),
    "ambiguous without key": (
        lambda r: execution.ambiguous(r, 1, KEYLESS, NOW, code="timeout"),
        {"EXECUTING": "UNKNOWN", "EXECUTING_UNSTARTED": "READY"},
        Skip,
    ),
    "reconciled as applied": (
        lambda r: repair.reconciled(r, 1, "applied", NOW),
        {"UNKNOWN": "SUCCEEDED"},
        Skip,
    ),
    "reconciled as not applied": (
        lambda r: repair.reconciled(r, 1, "not_applied", NOW),
        {"UNKNOWN": "FAILED"},
        Skip,
    ),
    "settle as applied": (
        lambda r: repair.settle(r, OPS, "applied", "seen", NOW, looked_at=NOW),
        {"UNKNOWN": "SUCCEEDED"},
        Refused,
    ),
    "settle as not applied": (
        lambda r: repair.settle(r, OPS, "not_applied", "seen", LATER, looked_at=LATER),
        {"UNKNOWN": "FAILED"},
        Refused,
    ),
    "redrive with verdict": (
        lambda r: redrive(r, not_applied=True),
        dict.fromkeys(("FAILED", "UNKNOWN", "EXPIRED", "REJECTED"), "READY"),
        Refused,
    ),
    "cancel": (
        lambda r: repair.cancel(r, OPS, "mistake", NOW),
        dict.fromkeys(("READY", "AWAITING_APPROVAL", "EXECUTING_UNSTARTED"), "CANCELLED"),
        Refused,
    ),
    "dead_lettered": (lambda r: repair.dead_lettered(r, 1, NOW), {"READY": "FAILED"}, Skip),
}
PAIRS = [(arrow, state) for arrow in ARROWS for state in RECORDS]


@pytest.mark.parametrize(("arrow", "state"), PAIRS)
def test_arrow_is_taken_from_its_own_states_and_refused_from_all_others(arrow: str, state: str) -> None:
    take, allowed, refusal = ARROWS[arrow]
    before = RECORDS[state]
    if state not in allowed:
        with pytest.raises(refusal):
            take(before)
        return
    after = take(before)
    assert after.state == allowed[state]
    assert after.generation >= before.generation
    assert after.exec.epoch >= before.exec.epoch
    TaskRecord.model_validate(after.model_dump())


@pytest.mark.parametrize(("arrow", "state"), PAIRS)
def test_change_of_state_is_one_entry_of_the_history(arrow: str, state: str) -> None:
    take, allowed, _ = ARROWS[arrow]
    before = RECORDS[state]
    if state not in allowed or allowed[state] == before.state:
        return
    after = take(before)
    assert after.history[:-1] == before.history
    assert (after.history[-1].from_state, after.history[-1].to) == (before.state, after.state)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_end_owes_its_result_and_holds_no_lease(state: str) -> None:
    record = RECORDS[state]
    assert record.outbox is not None
    assert (record.outbox.topic, record.exec.lease_until) == ("results", None)
    assert record.result is not None
    assert record.result.success == (state == "SUCCEEDED")


def test_new_task_owes_its_message_and_a_paused_one_owes_none() -> None:
    ready, waiting = RECORDS["READY"], RECORDS["AWAITING_APPROVAL"]
    assert ready.outbox is not None
    assert (ready.outbox.topic, ready.outbox.due_at) == ("intent-refund-request", NOW + timedelta(seconds=30))
    assert waiting.outbox is None


# --- claim


def test_claim_counts_up_epoch_and_attempts_and_clears_the_outbox() -> None:
    record = claimed(born())
    assert (record.exec.epoch, record.exec.attempts, record.outbox) == (1, 1, None)
    again = claimed(execution.retry(record, 1, BY_KEY, NOW, code="429"))
    assert (again.exec.epoch, again.exec.attempts) == (2, 2)


def test_lease_outlives_the_function() -> None:
    assert claimed(born()).exec.lease_until == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("generation", [0, 2])
def test_message_of_another_generation_is_stale(generation: int) -> None:
    with pytest.raises(Skip) as skip:
        execution.claim(born(), generation, BY_KEY, NOW, nonce="n", message_id="m")
    assert skip.value.code == "stale"


def test_message_on_the_topic_of_another_intent_claims_nothing() -> None:
    with pytest.raises(Skip) as skip:
        claimed(born(), REGISTRY["order_status"])
    assert skip.value.code == "other_intent"


@pytest.mark.parametrize(("message_id", "code"), [("m1", "lease_held_by_this_message"), ("m2", "lease_held")])
def test_live_lease_turns_others_away_and_tells_its_own_message(message_id: str, code: str) -> None:
    with pytest.raises(Skip) as skip:
        claimed(working(), message_id=message_id)
    assert skip.value.code == code


AT_EXPIRY = NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("intent", "begun", "state"),
    [
        (KEYLESS, False, "EXECUTING"),
        (KEYLESS, True, "UNKNOWN"),
        (BY_KEY, True, "EXECUTING"),
        (HARMLESS, True, "EXECUTING"),
    ],
)
def test_dead_lease_is_reclaimed_only_where_repeating_is_safe(intent: Intent, begun: bool, state: str) -> None:
    before = working(intent=intent) if begun else claimed(born(), intent)
    with pytest.raises(Skip):
        claimed(before, intent, AT_EXPIRY - timedelta(microseconds=1))
    after = claimed(before, intent, AT_EXPIRY)
    assert (after.state, after.exec.epoch) == (state, 2 if state == "EXECUTING" else 1)


def test_dead_lease_with_an_old_key_is_unknown() -> None:
    young = replace(BY_KEY, idempotency=by_key(timedelta(hours=1)))
    assert claimed(working(), young, NOW + timedelta(hours=1)).state == "UNKNOWN"
    assert claimed(working(), young, NOW + timedelta(minutes=59)).state == "EXECUTING"


def test_reclaim_without_attempts_left_ends_by_the_marker() -> None:
    once = replace(BY_KEY, limits=Limits(timeout_s=30, max_attempts=1))
    assert claimed(claimed(born(), once), once, AT_EXPIRY).state == "FAILED"
    assert claimed(working(intent=once), once, AT_EXPIRY).state == "UNKNOWN"


# --- start


def test_start_sets_the_marker_and_the_age_of_the_key_once() -> None:
    first = working()
    assert (first.effect.possibly_applied, first.effect.first_started_at) == (True, NOW)
    second = working(execution.ambiguous(first, 1, BY_KEY, NOW, code="reset"), now=LATER)
    assert second.effect.first_started_at == NOW


def test_key_that_aged_between_claim_and_start_is_not_used() -> None:
    short = replace(BY_KEY, idempotency=by_key(timedelta(seconds=10)))
    again = claimed(execution.ambiguous(working(), 1, BY_KEY, NOW, code="reset"), short, NOW)
    assert execution.start(again, 2, short, NOW + timedelta(seconds=9), None).state == "EXECUTING"
    assert execution.start(again, 2, short, NOW + timedelta(seconds=10), None).state == "UNKNOWN"


def test_start_after_the_lease_ended_is_lost() -> None:
    with pytest.raises(Skip) as skip:
        execution.start(claimed(born()), 1, BY_KEY, AT_EXPIRY, None)
    assert skip.value.code == "lease_lost"


# --- finish


@pytest.mark.parametrize(
    "finish",
    [
        lambda r: execution.start(r, 1, BY_KEY, NOW, None),
        lambda r: execution.succeed(r, 1, RESULT, None, NOW),
        lambda r: execution.fail(r, 1, NOW, code="no", message=""),
        lambda r: execution.retry(r, 1, BY_KEY, NOW, code="429"),
        lambda r: execution.ambiguous(r, 1, BY_KEY, NOW, code="timeout"),
        lambda r: execution.pending(r, 1, NOW, code="refund_pending", message=""),
    ],
)
def test_worker_of_an_older_epoch_commits_nothing(finish: Arrow) -> None:
    second = claimed(working(), now=AT_EXPIRY)
    with pytest.raises(Skip) as skip:
        finish(second)
    assert skip.value.code == "lease_lost"


def test_refusal_after_an_ambiguous_attempt_leaves_the_effect_unknown() -> None:
    second = working(execution.ambiguous(working(), 1, BY_KEY, NOW, code="timeout"))
    assert execution.fail(second, 2, NOW, code="no", message="").state == "UNKNOWN"
    retried = execution.retry(second, 2, BY_KEY, NOW, code="429")
    assert (retried.state, retried.effect.possibly_applied) == ("READY", True)


def test_definite_refusal_takes_back_its_own_marker() -> None:
    record = execution.retry(working(), 1, BY_KEY, NOW, code="429")
    assert record.effect.possibly_applied is False
    assert execution.claim(record, 1, KEYLESS, NOW, nonce="n", message_id="m").state == "EXECUTING"


def test_crash_after_the_marker_stays_ambiguous_for_the_next_attempt() -> None:
    second = claimed(working(), now=AT_EXPIRY)
    assert execution.fail(second, 2, AT_EXPIRY, code="no", message="").state == "UNKNOWN"


def test_attempts_end_in_failed_or_in_unknown_by_the_marker() -> None:
    unbegun, ambiguous = born(), born()
    for epoch in (1, 2, 3):
        unbegun = execution.ambiguous(claimed(unbegun), epoch, BY_KEY, NOW, code="unexpected_KeyError")
        ambiguous = execution.ambiguous(working(ambiguous), epoch, BY_KEY, NOW, code="timeout")
    assert (unbegun.state, unbegun.error and unbegun.error.code) == ("FAILED", "unexpected_KeyError")
    assert ambiguous.state == "UNKNOWN"


def refused_until(end: timedelta, record: TaskRecord) -> TaskRecord:
    """Let the provider say 429 once an hour from NOW on, the last time at `end`."""
    at = NOW
    while record.state == "READY":
        epoch = record.exec.epoch + 1
        record = execution.retry(working(record, now=at), epoch, BY_KEY, at, code="provider_429")
        at = min(at + timedelta(hours=1), NOW + end) if at < NOW + end else at + timedelta(hours=1)
    return record


def test_provider_in_trouble_costs_time_and_no_attempts() -> None:
    patience = timedelta(seconds=BY_KEY.limits.patience_s)
    failed = refused_until(patience, born())
    assert (failed.state, failed.error and failed.error.code) == ("FAILED", "provider_429")
    assert failed.updated_at == NOW + patience
    assert failed.exec.attempts == 7 > BY_KEY.limits.max_attempts
    assert claimed(born(), now=NOW).exec.waiting_since is None


def test_patience_that_ends_after_an_ambiguous_attempt_leaves_the_effect_unknown() -> None:
    doubtful = execution.ambiguous(working(), 1, BY_KEY, NOW, code="timeout")
    assert refused_until(timedelta(seconds=BY_KEY.limits.patience_s), doubtful).state == "UNKNOWN"


def test_waits_leave_all_attempts_for_what_ends_without_a_word() -> None:
    record = born()
    for epoch in range(1, 10):
        record = execution.retry(working(record), epoch, BY_KEY, NOW, code="provider_429")
    for epoch in (10, 11):
        record = execution.ambiguous(working(record), epoch, BY_KEY, NOW, code="timeout")
        assert record.state == "READY"
    assert execution.ambiguous(working(record), 12, BY_KEY, NOW, code="timeout").state == "UNKNOWN"


def test_intent_without_patience_fails_at_the_first_refusal() -> None:
    hasty = replace(BY_KEY, limits=Limits(patience_s=0))
    assert execution.retry(working(), 1, hasty, NOW, code="provider_429").state == "FAILED"


def test_redriven_task_has_all_its_patience_again() -> None:
    record = redrive(refused_until(timedelta(seconds=BY_KEY.limits.patience_s), born()))
    assert (record.exec.attempts, record.exec.waits, record.exec.waiting_since) == (0, 0, None)


def test_what_the_provider_has_not_finished_is_neither_done_nor_repeated_nor_cancelled() -> None:
    record = execution.pending(claimed(born()), 1, NOW, code="refund_pending", message="Stripe is at work")
    assert (record.state, record.effect.possibly_applied, record.outbox) == ("UNKNOWN", True, None)
    assert record.error is not None
    assert (record.error.code, record.error.message) == ("refund_pending", "Stripe is at work")
    assert record.next_check_at == NOW + RECONCILE_AFTER
    with pytest.raises(Refused):
        repair.cancel(record, OPS, "no", NOW)
    with pytest.raises(Skip):
        claimed(record)


def test_retry_waits_as_long_as_asked_within_bounds() -> None:
    def due(record: TaskRecord) -> timedelta:
        assert record.outbox is not None
        assert record.next_check_at == record.outbox.due_at
        return record.outbox.due_at - NOW

    asked = [execution.retry(working(), 1, BY_KEY, NOW, code="429", retry_after_s=s) for s in (7.0, 1e6)]
    assert [due(r) for r in asked] == [timedelta(seconds=7), timedelta(hours=1)]
    assert due(execution.retry(working(), 1, BY_KEY, NOW, code="429")) == timedelta(seconds=2)


def test_wait_grows_even_where_the_provider_asks_for_less() -> None:
    record, waits = born(), []
    for epoch in range(1, 13):
        record = execution.retry(working(record), epoch, BY_KEY, NOW, code="429", retry_after_s=1.0)
        assert record.outbox is not None
        waits.append((record.outbox.due_at - NOW).total_seconds())
        record = record.model_copy(update={"exec": record.exec.model_copy(update={"not_before": None})})
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]


# --- repair


def test_reconcile_that_knows_nothing_is_asked_again_ever_later_and_then_no_more() -> None:
    record = unknown()
    waits: list[Any] = []
    while record.next_check_at is not None and len(waits) < 20:
        record = repair.reconciled(record, 1, "unknown", NOW)
        waits.append(record.next_check_at and record.next_check_at - NOW)
    assert record.state == "UNKNOWN"
    assert waits == [timedelta(minutes=2**n) for n in range(1, MAX_RECONCILES)] + [None]


def test_unfinished_effect_is_asked_for_until_it_has_ended_ever_later_up_to_six_hours() -> None:
    record, at, waits = unknown(), NOW + RECONCILE_AFTER, []
    for _ in range(30):
        record = repair.reconciled(record, 1, "pending", at)
        assert record.next_check_at is not None
        waits.append((record.next_check_at - at) / RECONCILE_AFTER)
        at = record.next_check_at
    assert waits[:6] == [2, 3, 6, 12, 24, 48]
    assert waits[-1] == 360
    assert repair.reconciled(record, 1, "unknown", at).next_check_at == at + 2 * RECONCILE_AFTER
    assert repair.reconciled(record, 1, "applied", at).state == "SUCCEEDED"


def test_handler_that_cannot_ask_leaves_unknown_to_a_person() -> None:
    record = repair.reconciled(unknown(), 1, None, NOW)
    assert (record.state, record.next_check_at, record.outbox) == ("UNKNOWN", None, None)


def test_verdict_of_an_earlier_generation_is_ignored() -> None:
    with pytest.raises(Skip):
        repair.reconciled(unknown(), 2, "applied", NOW)


MINUTE = timedelta(minutes=1)
NOTHING_HAPPENED: dict[str, Callable[[TaskRecord, dict[str, Any]], TaskRecord]] = {
    "settle": lambda r, at: repair.settle(r, OPS, "not_applied", "seen", **at),
    "redrive": lambda r, at: redrive(r, not_applied=True, **at),
}


@pytest.mark.parametrize("say", NOTHING_HAPPENED.values(), ids=NOTHING_HAPPENED)
def test_nobody_says_that_nothing_happened_while_the_request_may_be_under_way(say: Any) -> None:
    asked = repair.reconciled(unknown(), 1, "unknown", NOW + MINUTE / 2)  # which does not begin the wait anew
    for record in (unknown(), asked):
        soon = NOW + MINUTE - timedelta(seconds=1.5)
        for now, when in ((soon, "in 2 seconds"), (NOW + MINUTE, "now")):  # late clicks rest on early looks
            with pytest.raises(Refused) as refused:
                say(record, {"now": now, "looked_at": soon})
            assert refused.value.code == "too_early"
            assert f"look again {when}" in str(refused.value)
        assert say(record, {"now": NOW + MINUTE, "looked_at": NOW + MINUTE}).state in ("FAILED", "READY")


def test_what_happened_or_ended_without_doubt_needs_no_patience() -> None:
    assert repair.settle(unknown(), OPS, "applied", "seen", NOW, looked_at=NOW).state == "SUCCEEDED"
    assert redrive(unknown(), now=NOW).state == "READY"  # with the same key
    assert redrive(failed(), now=NOW, not_applied=True).state == "READY"


def test_redrive_is_a_new_generation_with_fresh_attempts_under_a_growing_epoch() -> None:
    record = redrive(failed())
    assert (record.generation, record.exec.epoch, record.exec.attempts) == (2, 1, 0)
    assert (record.error, record.result, record.history[-1].by) == (None, None, OPS.name)
    assert record.outbox is not None
    assert record.outbox.generation == 2


def test_only_the_verdict_not_applied_gives_a_new_key() -> None:
    assert redrive(unknown()).effect_key == unknown().effect_key == "t1.refund_request.1"
    assert redrive(RECORDS["REJECTED"]).effect_key == "t1.refund_request.1"
    assert redrive(unknown(), not_applied=True).effect_key == "t1.refund_request.2"
    assert redrive(unknown(), not_applied=True).effect.possibly_applied is False


def test_the_providers_word_that_nothing_happened_gives_a_new_key_as_a_persons_does() -> None:
    """Under the old one it may keep the error that it answered."""
    for refused in (
        failed(),
        repair.reconciled(unknown(), 1, "not_applied", NOW),
        repair.settle(unknown(), OPS, "not_applied", "seen", LATER, looked_at=LATER),
    ):
        assert refused.effect_key == "t1.refund_request.1"
        assert redrive(refused).effect_key == "t1.refund_request.2"


def test_unknown_effect_without_a_key_needs_a_verdict_to_be_redriven() -> None:
    with pytest.raises(Refused) as refused:
        redrive(unknown(), intent=KEYLESS)
    assert refused.value.code == "verdict_needed"


def test_unknown_effect_with_a_young_key_is_redriven_with_that_key() -> None:
    record = redrive(unknown())
    assert (record.effect_key, record.effect.possibly_applied) == (unknown().effect_key, True)
    with pytest.raises(Refused):
        redrive(unknown(), now=NOW + timedelta(hours=23))


def test_parameters_of_an_unknown_effect_change_only_after_the_verdict() -> None:
    other = PARAMETERS | {"amount_minor": 100}
    with pytest.raises(Refused) as refused:
        redrive(unknown(), parameters=other)
    assert refused.value.code == "verdict_needed"
    assert redrive(unknown(), parameters=other, not_applied=True).parameters == other


def test_redrive_is_an_approval_by_whoever_asks_unless_the_same_parameters_have_one() -> None:
    approved = waiting.approve(born("approve"), OPS, NOW, intent=BY_KEY, parameters=PARAMETERS)
    ended = execution.fail(working(approved), 1, NOW, code="no", message="")
    other = Person("second@example.com", "console")
    same = redrive(ended, by=other)
    edited = redrive(ended, by=other, parameters=PARAMETERS | {"amount_minor": 1})
    rejected = redrive(RECORDS["REJECTED"], by=other)
    assert [r.approval and r.approval.by for r in (same, edited, rejected)] == [OPS.name, other.name, other.name]
    assert rejected.approval is not None
    assert rejected.approval.decision == "approve"


def test_dead_letter_ends_a_dead_lease_by_its_marker() -> None:
    assert repair.dead_lettered(claimed(born()), 1, AT_EXPIRY).state == "FAILED"
    assert repair.dead_lettered(working(), 1, AT_EXPIRY).state == "UNKNOWN"
    with pytest.raises(Skip):
        repair.dead_lettered(born(), 2, NOW)


# --- approval


def test_approval_of_what_was_shown_keeps_the_generation() -> None:
    record = waiting.approve(born("approve"), OPS, LATER, intent=BY_KEY, parameters=PARAMETERS, comment="ok")
    assert (record.generation, record.params_hash) == (1, born().params_hash)
    assert record.approval is not None
    assert (record.approval.by, record.approval.at, record.approval.comment) == (OPS.name, LATER, "ok")


def test_edited_parameters_are_a_new_generation_with_a_hash_of_their_own() -> None:
    edited = PARAMETERS | {"amount_minor": 100}
    record = waiting.approve(born("approve"), OPS, LATER, intent=BY_KEY, parameters=edited, reasons=["ceiling: over"])
    assert (record.generation, record.parameters) == (2, edited)
    assert record.params_hash != born().params_hash
    assert record.outbox is not None
    assert record.outbox.generation == 2
    assert record.decision.reasons == ["edited: ceiling: over"]


@pytest.mark.parametrize(
    "decide",
    [
        lambda r: waiting.reject(r, OPS, EXPIRY),
        lambda r: waiting.approve(r, OPS, EXPIRY, intent=BY_KEY, parameters=PARAMETERS),
    ],
)
def test_decision_at_the_moment_of_expiry_is_too_late(decide: Arrow) -> None:
    with pytest.raises(Refused) as refused:
        decide(born("approve"))
    assert refused.value.code == "expired"
    with pytest.raises(Skip):
        waiting.expire(born("approve"), EXPIRY - timedelta(microseconds=1))


def test_expiry_is_not_a_persons_no() -> None:
    record = RECORDS["EXPIRED"]
    assert (record.history[-1].by, record.approval) == ("system:expiry", None)


# --- the sweeper


def test_nothing_is_swept_before_it_is_due() -> None:
    with pytest.raises(Skip):
        upkeep.sweep(born(), "intent-refund-request", NOW + timedelta(seconds=29))


def test_owed_message_is_due_ever_later() -> None:
    record, at = born(), NOW
    waits: list[float] = []
    for _ in range(9):
        assert record.next_check_at is not None
        at = record.next_check_at
        record = upkeep.sweep(record, "intent-refund-request", at)
        assert record.outbox is not None
        waits.append((record.outbox.due_at - at).total_seconds())
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_dead_lease_owes_its_message_again() -> None:
    record = upkeep.sweep(working(), "intent-refund-request", AT_EXPIRY)
    assert (record.state, record.outbox and record.outbox.topic) == ("EXECUTING", "intent-refund-request")


def test_ready_without_outbox_owes_its_message_again() -> None:
    bare = upkeep.delivered(born())
    assert bare.next_check_at == NOW + timedelta(seconds=30)
    assert upkeep.sweep(bare, "intent-refund-request", LATER).outbox is not None


def test_message_is_owed_to_the_intent_that_the_document_names_and_a_result_to_results() -> None:
    moved = upkeep.sweep(born(), "intent-order-status", LATER)
    ended = upkeep.sweep(failed(), "intent-refund-request", LATER)
    assert [r.outbox and r.outbox.topic for r in (moved, ended)] == ["intent-order-status", "results"]


def test_waiting_task_is_looked_at_once_for_the_reminder_and_once_for_its_end() -> None:
    waiting = born("approve")
    assert waiting.next_check_at == EXPIRY - timedelta(hours=4)
    reminded = upkeep.sweep(waiting, "", EXPIRY - timedelta(hours=4))
    assert (reminded.state, reminded.next_check_at) == ("AWAITING_APPROVAL", EXPIRY)


def test_history_keeps_its_beginning_and_its_end() -> None:
    record = born()
    for n in range(MAX_HISTORY):
        ended = execution.fail(working(record), record.exec.epoch + 1, NOW, code=f"e{n}", message="")
        record = redrive(ended, not_applied=True)
    assert len(record.history) == MAX_HISTORY
    assert record.history[0].by == "classify"
    assert record.history[-2].why == f"e{MAX_HISTORY - 1}"


def test_lifetime_begins_again_with_every_move() -> None:
    assert redrive(failed()).expire_at == LATER + timedelta(days=90)
