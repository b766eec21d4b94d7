"""A bet against what is claimed: of whom, about whom, and since when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.task.audit import Audit, Wealth, moved
from tests.store import BEGINNING

LATER = BEGINNING + timedelta(hours=1)


def audit(**fields: Any) -> Audit:
    told: dict[str, Any] = {
        "task_id": "t1",
        "drawn_at": BEGINNING,
        "intent": "order_status",
        "confidence": 0.9,
        "model": "m",
        "prompt_version": "p1",
        "above": 0.8,
        "claimed": 0.95,
        "pool": ["order_status"],
        "blind": False,
    }
    return Audit.model_validate(told | fields)


def after(*verdicts: bool, **fields: Any) -> Wealth:
    wealth = None
    for right in verdicts:
        wealth = moved(wealth, audit(**fields), right, LATER, [])
    assert wealth is not None
    return wealth


def test_right_answers_cost_and_wrong_ones_win() -> None:
    assert sum(after(True).bets) < 3 < sum(after(False).bets)
    assert (after(True, False).right, after(True, False).counted) == (1, 2)


@pytest.mark.parametrize(("wrong", "rings"), [(2, False), (3, True)])
def test_it_rings_when_the_claim_is_refuted(wrong: int, rings: bool) -> None:
    assert after(*[False] * wrong).rings is rings


@pytest.mark.parametrize("fields", [{"model": "another"}, {"claimed": 0.9}])
def test_another_claim_is_another_bet(fields: dict[str, Any]) -> None:
    wealth = moved(after(False, False), audit(**fields), True, LATER, [])
    assert wealth is not None
    assert wealth.counted == 1


def test_bet_is_made_anew_once_a_breaker_was_armed_again() -> None:
    before, armed = after(False, False), [LATER + timedelta(minutes=1)]
    assert moved(before, audit(), False, LATER + timedelta(minutes=2), armed) is None
    drawn = audit(drawn_at=LATER + timedelta(minutes=2))
    anew = moved(before, drawn, False, LATER + timedelta(minutes=3), armed)
    assert anew is not None
    assert anew.counted == 1


def test_pool_of_one_intent_has_its_name_and_no_other_pool_can() -> None:
    assert audit().pool_name == "order_status"
    both, swapped = audit(pool=["a", "b"]).pool_name, audit(pool=["b", "a"]).pool_name
    assert both == swapped
    assert "-" in both
