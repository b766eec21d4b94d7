"""A task begins with what it owes."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.task.records import NOW, RECORDS


def test_new_task_owes_its_message_and_a_paused_one_owes_none() -> None:
    ready, waiting = RECORDS["READY"], RECORDS["AWAITING_APPROVAL"]
    assert ready.outbox is not None
    assert (ready.outbox.topic, ready.outbox.due_at) == ("intent-refund-request", NOW + timedelta(seconds=30))
    assert waiting.outbox is None
