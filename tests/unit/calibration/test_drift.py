"""Whether fewer or more tickets reach their threshold than once did."""

from __future__ import annotations

import pytest

from shared.calibration.drift import deviation


@pytest.mark.parametrize(
    ("acted", "seen", "share", "z"),
    [(40, 100, 0.4, 0.0), (250, 500, 0.4, 4.56), (150, 500, 0.4, -4.56), (0, 0, 0.4, 0.0), (7, 10, 1.0, 0.0)],
)
def test_deviation_counts_standard_deviations_of_a_binomial(acted: int, seen: int, share: float, z: float) -> None:
    assert deviation(acted, seen, share) == pytest.approx(z, abs=0.01)
