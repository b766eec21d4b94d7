"""Figures in, figures out: quantiles of waits, the middle of repeats, ratios of pairs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times the old figure the new one is: the middle of the pairs, and the least and the most of them."""

    middle: float
    least: float
    most: float


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of them does not exceed (nearest rank).

    Raises:
        ValueError: there are no values, or the share is not within 0 and 1.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError("a quantile needs a share from 0 to 1, and a value")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratio(old: Sequence[float], new: Sequence[float]) -> Ratio | None:
    """Return the ratio of pairs that were measured in turns; None where there is nothing to divide by.

    Raises:
        ValueError: they do not pair.
    """
    pairs = list(zip(old, new, strict=True))
    if not pairs or any(before <= 0 for before, _ in pairs):
        return None
    found = [after / before for before, after in pairs]
    return Ratio(statistics.median(found), min(found), max(found))
