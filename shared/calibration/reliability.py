"""Decisions in, what a confidence was worth out: the share that was right, which never falls as confidence grows. Pure.

Isotonic regression by pooling adjacent violators (Ayer et al. 1955; Zadrozny and Elkan 2002).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

MAX_STEPS = 20
Curve = Sequence[tuple[float, float]]  # (from this confidence on, the share that was right), both ascending


def fit(decisions: Iterable[tuple[float, bool]]) -> tuple[tuple[float, float], ...]:
    """Return the curve of these (confidence, right), of at most MAX_STEPS steps, rounded to four digits."""
    blocks: list[list[float]] = []  # [from, right, counted]
    for confidence, equals in groupby(sorted(decisions), key=lambda d: d[0]):
        verdicts = [right for _, right in equals]
        blocks.append([confidence, sum(verdicts), len(verdicts)])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            _, right, counted = blocks.pop()
            blocks[-1][1] += right
            blocks[-1][2] += counted
    while len(blocks) > MAX_STEPS:  # the two that differ least become one
        i = min(range(1, len(blocks)), key=lambda i: _share(blocks[i]) - _share(blocks[i - 1]))
        _, right, counted = blocks.pop(i)
        blocks[i - 1][1] += right
        blocks[i - 1][2] += counted
    return tuple((round(block[0], 4), round(_share(block), 4)) for block in blocks)


def calibrated(confidence: float, curve: Curve) -> float:
    """Return the share that was right at this confidence; 0 below all that was ever counted."""
    return next((share for start, share in reversed(curve) if confidence >= start), 0.0)


def _share(block: Sequence[float]) -> float:
    return block[1] / block[2]
