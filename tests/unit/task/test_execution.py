"""Claim, start and finish: fenced by epoch, lease and marker."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Refused, Skip
from shared.intent.declaration import Intent, Limits, by_key
from shared.task import execution, repair
from shared.task.moves import RECONCILE_AFTER
from shared.task.schemas import TaskRecord
from tests.unit.task.records import (
    AT_EXPIRY,
    BY_KEY,
    HARMLESS,
    KEYLESS,
    LATER,
    NOW,
    OPS,
    RESULT,
    Arrow,
    born,
    claimed,
    redrive,
    working,
)
from tests.world import REGISTRY

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
    assert (after.error.code if after.error else None) == ("lease_expired" if state == "UNKNOWN" else None)


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
    aged = execution.start(again, 2, short, NOW + timedelta(seconds=10), None)
    assert (aged.state, aged.error and aged.error.code) == ("UNKNOWN", "key_too_old")


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


def test_retry_waits_as_long_as_asked_within_bounds() -> None:
    def due(record: TaskRecord) -> timedelta:
        assert record.outbox is not None
        assert record.next_check_at == record.outbox.due_at
        return record.outbox.due_at - NOW

    asked = [execution.retry(working(), 1, BY_KEY, NOW, code="429", retry_after_s=s) for s in (7.0, 1e6)]
    assert [due(r) for r in asked] == [timedelta(seconds=7), timedelta(hours=1)]
    assert due(execution.retry(working(), 1, BY_KEY, NOW, code="429")) == timedelta(seconds=2)


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


def test_wait_grows_even_where_the_provider_asks_for_less() -> None:
    record, waits = born(), []
    for epoch in range(1, 13):
        record = execution.retry(working(record), epoch, BY_KEY, NOW, code="429", retry_after_s=1.0)
        assert record.outbox is not None
        waits.append((record.outbox.due_at - NOW).total_seconds())
        record = record.model_copy(update={"exec": record.exec.model_copy(update={"not_before": None})})
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]
