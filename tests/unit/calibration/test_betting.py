"""An alarm that may be looked at after every verdict."""

from __future__ import annotations

import random

import pytest

from shared.calibration.betting import START, bet, rings


def rings_after(share: float, verdicts: int, rng: random.Random, claimed: float = 0.95) -> int | None:
    wealth: tuple[float, ...] = START
    for i in range(verdicts):
        wealth = bet(wealth, rng.random() < share, claimed)
        if rings(wealth):
            return i + 1
    return None


def test_alarm_seldom_rings_while_the_claim_holds() -> None:
    rng = random.Random(1)
    assert sum(rings_after(0.95, 1000, rng) is not None for _ in range(200)) <= 18  # 5%, and two and a half deviations


@pytest.mark.parametrize(("share", "most"), [(0.5, 20), (0.7, 60), (0.85, 250)])
def test_alarm_rings_soon_where_it_is_broken(share: float, most: int) -> None:
    rng = random.Random(2)
    after = sorted(rings_after(share, 2000, rng) or 2000 for _ in range(60))
    assert after[30] <= most


def test_one_wrong_verdict_alone_rings_nothing() -> None:
    assert not rings(bet(START, False, 0.95))


def test_stakes_stay_below_a_modest_claim() -> None:
    wealth: tuple[float, ...] = START
    for _ in range(1000):
        wealth = bet(wealth, True, 0.6)
    assert not rings(wealth)
    assert all(0 <= w < 1 for w in wealth)
