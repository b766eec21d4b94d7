"""What the sweeper does to a task that is due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import Skip
from shared.task import upkeep
from tests.unit.task.records import AT_EXPIRY, EXPIRY, LATER, NOW, born, failed, working


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
