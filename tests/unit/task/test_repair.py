"""What became of an effect, and what runs again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Refused, Skip
from shared.task import execution, repair, waiting
from shared.task.moves import MAX_RECONCILES, RECONCILE_AFTER, Person
from shared.task.schemas import Requester, TaskRecord
from tests.unit.task.records import (
    AT_EXPIRY,
    BY_KEY,
    KEYLESS,
    LATER,
    NOW,
    OPS,
    PARAMETERS,
    PATIENCE,
    RECORDS,
    born,
    claimed,
    failed,
    redrive,
    unknown,
    working,
)


def test_reconcile_that_knows_nothing_is_asked_again_ever_later_and_then_no_more() -> None:
    record = unknown()
    waits: list[Any] = []
    while record.next_check_at is not None and len(waits) < 20:
        record = repair.reconciled(record, 1, "unknown", NOW)
        waits.append(record.next_check_at and record.next_check_at - NOW)
    assert record.state == "UNKNOWN"
    assert waits == [timedelta(minutes=2**n) for n in range(1, MAX_RECONCILES)] + [None]


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
    approved = waiting.approve(born("approve"), OPS, NOW, intent=BY_KEY)
    ended = execution.fail(working(approved), 1, NOW, code="no", message="")
    other = Person("second@example.com", "console")
    same = redrive(ended, by=other)
    edited = redrive(ended, by=other, parameters=PARAMETERS | {"amount_minor": 1})
    rejected = redrive(RECORDS["REJECTED"], by=other)
    assert [r.approval and r.approval.by for r in (same, edited, rejected)] == [OPS.name, other.name, other.name]
    assert rejected.approval is not None
    assert rejected.approval.decision == "approve"
    assert rejected.review.approvals == [rejected.approval]
    assert same.review.approvals == [same.approval]


def test_redrive_out_of_a_list_approves_nothing() -> None:
    approved = waiting.approve(born("approve"), OPS, NOW, intent=BY_KEY)
    ended = execution.fail(working(approved), 1, NOW, code="no", message="")
    assert redrive(ended, approves=False).approval == approved.approval  # a person had approved just this
    for asked in (
        redrive(RECORDS["REJECTED"], approves=False),
        redrive(RECORDS["EXPIRED"], approves=False),
        redrive(repair.cancel(born("approve"), OPS, "mistake", NOW), approves=False),
        redrive(ended, approves=False, parameters=PARAMETERS | {"amount_minor": 1}),
        redrive(failed(), approves=False, parameters=PARAMETERS | {"amount_minor": 1}),
    ):
        assert (asked.state, asked.approval, asked.outbox) == ("AWAITING_APPROVAL", None, None)
        assert (asked.decision.route, asked.decision.expires_at) == ("approve", LATER + PATIENCE)
        assert asked.next_check_at is not None
    ran_alone = redrive(failed(), approves=False)
    assert (ran_alone.state, ran_alone.approval, ran_alone.decision.route) == ("READY", None, "execute")


def test_redrive_of_what_takes_two_people_waits_for_the_second() -> None:
    first = redrive(RECORDS["REJECTED"], needed=2)
    assert (first.state, [a.by for a in first.review.approvals]) == ("AWAITING_APPROVAL", [OPS.name])
    other = Person("second@example.com", "console")
    both = waiting.approve(first, other, LATER, intent=BY_KEY, needed=2)
    assert (both.state, both.generation) == ("READY", 2)
    ended = execution.fail(working(both, now=LATER), both.exec.epoch + 1, LATER, code="no", message="")
    again = redrive(ended, needed=2, approves=False)
    assert (again.state, again.review.approvals) == ("READY", both.review.approvals)


def test_effect_that_may_have_happened_does_not_wait_for_an_approval() -> None:
    for more in ({"needed": 2}, {"requester": Requester(email="kim@example.com"), "approves": False}):
        with pytest.raises(Refused) as refused:
            redrive(unknown(), **more)
        assert refused.value.code == "verdict_needed"
    assert redrive(unknown(), needed=2, not_applied=True).state == "AWAITING_APPROVAL"


def test_dead_letter_ends_a_dead_lease_by_its_marker() -> None:
    assert repair.dead_lettered(claimed(born()), 1, AT_EXPIRY).state == "FAILED"
    assert repair.dead_lettered(working(), 1, AT_EXPIRY).state == "UNKNOWN"
    with pytest.raises(Skip):
        repair.dead_lettered(born(), 2, NOW)


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


def test_the_providers_word_that_nothing_happened_gives_a_new_key_as_a_persons_does() -> None:
    """Under the old one it may keep the error that it answered."""
    for refused in (
        failed(),
        repair.reconciled(unknown(), 1, "not_applied", NOW),
        repair.settle(unknown(), OPS, "not_applied", "seen", LATER, looked_at=LATER),
    ):
        assert refused.effect_key == "t1.refund_request.1"
        assert redrive(refused).effect_key == "t1.refund_request.2"
