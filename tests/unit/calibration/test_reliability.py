"""What a confidence was worth: never less where it is more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.calibration.reliability import MAX_STEPS, calibrated, fit


def test_neighbours_that_contradict_each_other_are_pooled() -> None:
    decisions = [(0.2, False), (0.4, True), (0.6, False), (0.8, True), (0.9, True)]
    assert fit(decisions) == ((0.2, 0.0), (0.4, 0.5), (0.8, 1.0))


def test_equal_confidences_are_one_step() -> None:
    assert fit([(0.9, True), (0.9, False), (0.9, True), (0.9, True)]) == ((0.9, 0.75),)


def test_confidence_below_all_that_was_counted_is_worth_nothing() -> None:
    curve = fit([(0.5, True), (0.8, True)])
    assert [calibrated(c, curve) for c in (0.4, 0.5, 1.0)] == [0.0, 1.0, 1.0]
    assert calibrated(0.9, ()) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=200))
def test_curve_ascends_and_is_short(decisions: list[tuple[float, bool]]) -> None:
    curve = fit(decisions)
    assert len(curve) <= MAX_STEPS
    shares = [share for _, share in curve]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
