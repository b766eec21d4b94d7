"""What decisions prove, against figures worked out elsewhere."""

from __future__ import annotations

import random

import pytest

from shared.calibration.certify import (
    GRID,
    Counted,
    fewest,
    lower_bound,
    tail,
    upper_bound,
    walk,
    without_an_error,
)


def decisions(confidence: float, right: int, wrong: int) -> list[Counted]:
    return [Counted(confidence, i < right) for i in range(right + wrong)]


@pytest.mark.parametrize(("target", "delta", "count"), [(0.95, 0.05, 93), (0.98, 0.05, 236), (0.99, 0.05, 473)])
def test_a_step_must_have_room_for_one_error(target: float, delta: float, count: int) -> None:
    assert fewest(target, delta) == count
    assert tail(count - 2, count - 1, target) > delta >= tail(count - 1, count, target)


@pytest.mark.parametrize(("target", "count"), [(0.95, 59), (0.98, 149), (0.99, 299)])
def test_so_many_without_an_error_prove_the_target(target: float, count: int) -> None:
    assert without_an_error(target, 0.05) == count
    assert lower_bound(count, count) >= target > lower_bound(count - 1, count - 1)


def test_bounds_are_those_of_clopper_and_pearson() -> None:
    # R: binom.test(189, 204, alternative="greater")$conf.int, and the same upside down.
    assert lower_bound(189, 204) == pytest.approx(0.8892, abs=5e-4)
    assert lower_bound(0, 10) == 0
    assert upper_bound(10, 10) == 1
    assert lower_bound(10, 10) == pytest.approx(0.05 ** (1 / 10))
    assert upper_bound(0, 10) == pytest.approx(1 - 0.05 ** (1 / 10))


def test_tail_sums_the_binomial() -> None:
    assert tail(2, 2, 0.5) == pytest.approx(0.25)
    assert tail(1, 2, 0.5) == pytest.approx(0.75)
    assert (tail(0, 5, 0.1), tail(3, 5, 0.0), tail(3, 5, 1.0)) == (1.0, 0.0, 1.0)


def test_walk_goes_on_until_a_step_fails() -> None:
    known = decisions(0.97, 200, 0) + decisions(0.72, 100, 2) + decisions(0.52, 50, 30)
    found = walk(known)
    assert found.proven is not None
    # 0.6 and 0.55 are reached by the same 302 as 0.7; at 0.5 thirty more are wrong.
    assert (found.proven.threshold, found.proven.right, found.proven.counted) == (0.55, 300, 302)
    assert found.steps[-1].threshold == 0.5
    assert found.proven.bound >= 0.95


def test_walk_does_not_step_over_a_failure() -> None:
    known = decisions(0.97, 90, 10) + decisions(0.6, 900, 0)
    assert walk(known).proven is None


def test_too_few_prove_nothing_and_refute_nothing() -> None:
    assert walk(decisions(0.97, 92, 0)).proven is None
    found = walk(decisions(0.97, 50, 1) + decisions(0.7, 50, 0))
    assert found.proven is not None
    assert found.proven.threshold == 0.4


def test_what_could_not_be_drawn_below_a_threshold_counts_only_above_it() -> None:
    audits = [Counted(0.9, True, above=0.8)] * 200
    assert [step.counted for step in walk(audits).steps] == [0, 200, 200, 200] + [0] * (len(GRID) - 4)


def test_promise_is_kept_where_the_truth_lies_just_below_it() -> None:
    """The worst case: at every threshold the share that is right is just under the target."""
    rng = random.Random(1)
    broken = 0
    for _ in range(300):
        known = [Counted(rng.uniform(0.4, 1), rng.random() < 0.949) for _ in range(600)]
        broken += walk(known).proven is not None
    assert broken <= 24  # 5% of 300, and three standard deviations less than a tenth
