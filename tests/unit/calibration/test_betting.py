"""An alarm that may be looked at after every verdict."""

from __future__ import annotations

import random

import pytest

from shared.calibration.betting import START, bet, proof, rings
from shared.calibration.certify import Counted


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


def decisions(share: float, count: int, rng: random.Random) -> list[Counted]:
    return [Counted(rng.uniform(0.4, 1), rng.random() < share) for _ in range(count)]


def test_promise_is_kept_by_whoever_looks_after_every_decision() -> None:
    """The worst case, where the truth lies just below the target everywhere: what was proven at any look stays so."""
    rng = random.Random(3)
    assert sum(proof(decisions(0.949, 1000, rng)) is not None for _ in range(200)) <= 10


def test_what_was_proven_once_stays_proven() -> None:
    rng = random.Random(4)
    known = decisions(0.985, 800, rng) + decisions(0.6, 400, rng)
    found = [proof(known[:count]) for count in range(100, 1200, 100)]
    thresholds = [p.threshold if p else 1.0 for p in found]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] == 1.0
    assert thresholds[-1] == 0.4


def test_seventy_nine_without_an_error_are_proof_at_any_look() -> None:
    assert proof([Counted(0.9, True)] * 78) is None
    assert proof([Counted(0.9, True)] * 79) == (0.4, 79, 79)


def test_proof_goes_from_strict_to_loose_and_not_over_a_failure() -> None:
    known = [Counted(0.6, False)] * 20 + [Counted(0.9, True)] * 200 + [Counted(0.5, True)] * 100
    assert proof(known) == (0.65, 200, 200)
    assert proof([Counted(0.9, False)] * 20 + [Counted(0.5, True)] * 2000) is None
    assert proof([Counted(0.5, True)] * 2000) is None
    assert proof([Counted(0.5, True)] * 2000, strictest=0.5) == (0.4, 2000, 2000)


def test_proof_knows_what_was_drawn_from_where() -> None:
    assert proof([Counted(0.9, True, above=0.7)] * 200) == (0.7, 200, 200)
    assert proof([Counted(0.9, True)] * 200, target=0.99, delta=0.01) is None
