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


def test_only_an_end_has_an_expiry() -> None:
    ended = failed()
    assert ended.expire_at == ended.updated_at + timedelta(days=90)
    again = redrive(ended)
    assert (again.expire_at, born().expire_at) == (None, None)
    second = execution.fail(working(again), again.exec.epoch + 1, LATER, code="e", message="")
    assert second.expire_at == LATER + timedelta(days=90)


def test_retention_of_a_record_of_an_earlier_version_is_what_its_expiry_said() -> None:
    record = working(born())
    old = record.model_copy(update={"kept_for_s": None, "expire_at": record.updated_at + timedelta(days=30)})
    ended = execution.fail(old, old.exec.epoch, LATER, code="e", message="")
    assert ended.expire_at == LATER + timedelta(days=30)
