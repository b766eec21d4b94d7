"""The arithmetic against values that were worked out by hand, or stand in the literature."""

from __future__ import annotations

import pytest

from infra.evaluate.statistics import (
    Point,
    Share,
    auroc,
    calibration_error,
    curve,
    mcnemar,
    percentile,
    reliability,
    share,
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (189, 204, 0.8823, 0.9549),
    ],
)
def test_the_interval_is_wilsons(count: int, of: int, low: float, high: float) -> None:
    assert Share(count, of).interval == pytest.approx((low, high), abs=1e-4)


def test_a_share_of_nothing_is_none() -> None:
    nothing = share([])
    assert (nothing, nothing.value, nothing.interval) == (Share(0, 0), None, None)


@pytest.mark.parametrize(
    ("scores", "area"),
    [
        ([(0.9, True), (0.1, False)], 1.0),
        ([(0.1, True), (0.9, False)], 0.0),
        ([(0.5, True), (0.5, False)], 0.5),
        # Of six pairs the positives win four and tie in one.
        ([(0.9, True), (0.6, True), (0.4, True), (0.6, False), (0.2, False)], 4.5 / 6),
        ([(0.9, True)], None),
        ([], None),
    ],
)
def test_auroc_counts_the_pairs_in_the_right_order(scores: list[tuple[float, bool]], area: float | None) -> None:
    assert auroc(scores) == (area if area is None else pytest.approx(area))


def test_calibration_error_is_the_mean_distance_weighted_by_tickets() -> None:
    bins = reliability([(0.92, True), (0.98, False), (1.0, True), (0.31, False)])
    assert [(b.low, b.high, b.right) for b in bins] == [(0.3, 0.4, Share(0, 1)), (0.9, 1.0, Share(2, 3))]
    # |.9667 - .6667| of three tickets, |.31 - 0| of one
    assert calibration_error(bins) == pytest.approx((3 * 0.3 + 0.31) / 4)
    assert calibration_error([]) is None


def test_the_curve_has_a_point_for_each_score_that_says_something() -> None:
    scores = [(0.9, True), (0.8, False), (0.8, True), (0.5, True), (0.0, False)]
    assert curve(scores) == [
        Point(0.9, Share(1, 5), Share(1, 1)),
        Point(0.8, Share(3, 5), Share(2, 3)),
        Point(0.5, Share(4, 5), Share(3, 4)),
    ]


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 21)]
    assert (percentile(values, 50), percentile(values, 95), percentile([3.0], 95)) == (10.0, 19.0, 3.0)
    assert percentile([], 50) is None


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        (9, 1, 2 * (1 + 10) / 2**10),
        (1, 9, 2 * (1 + 10) / 2**10),
        (5, 5, 1.0),
        (0, 0, 1.0),
        (0, 5, 2 / 2**5),
        (700, 500, 8.7e-9),
    ],
)
def test_mcnemar_is_the_exact_sign_test_of_what_differs(one: int, other: int, p: float) -> None:
    assert mcnemar(one, other) == pytest.approx(p, rel=0.02)
