"""What every arrow does to the history and the lifetime."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.intent.declaration import by_key, days
from shared.task import execution
from shared.task.moves import ahead, may_repeat
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


@pytest.mark.parametrize(
    ("ago", "may"), [(0, True), (23.9, True), (24, False), (-0.001, True), (-0.1, False), (-9 * 24, False)]
)
def test_key_is_used_again_only_while_its_age_is_known_and_young(ago: float, may: bool) -> None:
    """A start that is yet to come was written by a clock that was ahead: nobody knows how old its key is."""
    record = working()
    effect = {"possibly_applied": True, "first_started_at": LATER - timedelta(hours=ago)}
    begun = record.model_copy(update={"effect": record.effect.model_copy(update=effect)})
    assert may_repeat(begun, by_key(days(1)), LATER) == may


@pytest.mark.parametrize(("hours", "is_ahead"), [(-1, False), (0, False), (0.1, True), (6, True), (6.1, False)])
def test_what_is_further_ahead_than_anything_is_set_counts_as_past(hours: float, is_ahead: bool) -> None:
    assert ahead(NOW + timedelta(hours=hours), NOW) == is_ahead
    assert not ahead(None, NOW)
