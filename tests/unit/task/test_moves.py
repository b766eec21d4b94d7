"""What every arrow does to the history and the lifetime."""

from __future__ import annotations

from datetime import timedelta

from shared.task import execution
from shared.task.schemas import MAX_HISTORY
from tests.unit.task.records import LATER, NOW, born, failed, redrive, working


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
