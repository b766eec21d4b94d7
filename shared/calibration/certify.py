"""Decisions in, the loosest threshold out at which a precision is proven. Pure.

A fixed grid is walked from strict to loose and the walk ends at the first step that fails: so the many thresholds need
no correction (fixed-sequence testing; Angelopoulos et al. 2021, arXiv 2110.01052). The promise, that a threshold is too
loose in at most `delta` of all walks, holds for one look at tickets like those counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

# Fixed before any decision is seen: a grid chosen by looking at them would break the promise.
GRID = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4)
# Looks are taken when so many decisions are counted, each with an equal part of the risk.
LOOKS = (300, 500, 800, 1200)


class Counted(NamedTuple):
    """One decision: how sure the classifier was before it could know, whether it was right, and from which confidence
    on such tickets could be drawn at all (0: every ticket could)."""

    confidence: float
    right: bool
    above: float = 0.0


class Step(NamedTuple):
    """A threshold: how many of the counted decisions reach it, how many of these are right, and the proven share."""

    threshold: float
    right: int
    counted: int
    bound: float


class Look(NamedTuple):
    """The how-manieth look this is, at how many decisions, the first that were made."""

    number: int
    decisions: int


class Walk(NamedTuple):
    """Every step that was taken, the last one failed perhaps, and the loosest that is proven."""

    steps: tuple[Step, ...]
    proven: Step | None
    fewest: int


def walk(decisions: Iterable[Counted], target: float = 0.95, delta: float = 0.05) -> Walk:
    """Return the loosest threshold of GRID at which the precision is at least `target`, with a risk of `delta`.

    A step that too few decisions reach proves nothing and refutes nothing: it is passed over.
    """
    known, steps, proven, needed = list(decisions), [], None, fewest(target, delta)
    for threshold in GRID:
        acted = [d.right for d in known if d.confidence >= threshold and d.above <= threshold]
        step = Step(threshold, sum(acted), len(acted), lower_bound(sum(acted), len(acted), delta))
        steps.append(step)
        if step.counted < needed:
            continue
        if tail(step.right, step.counted, target) > delta:
            break
        proven = step
    return Walk(tuple(steps), proven, needed)


def look_at(counted: int) -> Look | None:
    """Return the last look that is due with so many decisions; None before the first.

    A look is at exactly the first so many, so that looking again, or later, shows the same.
    """
    due = [Look(number, decisions) for number, decisions in enumerate(LOOKS, 1) if decisions <= counted]
    return due[-1] if due else None


@cache
def fewest(target: float, delta: float) -> int:
    """Return how many decisions a step must have: as many as prove `target` with one of them wrong.

    93 for 95% at 5%, 236 for 98%, 473 for 99%. With fewer, one slip of a pen would end the walk.
    """
    return next(n for n in range(2, 100_000) if tail(n - 1, n, target) <= delta)


def without_an_error(target: float, delta: float) -> int:
    """Return how many decisions, all of them right, prove `target`: 59 for 95% at 5%."""
    return math.ceil(math.log(delta) / math.log(target) - 1e-9)


def tail(right: int, counted: int, share: float) -> float:
    """Return how probable it is that at least `right` of `counted` are right where each is with probability `share`."""
    if right <= 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    log_share, log_other = math.log(share), math.log1p(-share)
    logs = (_log_choose(counted, k) + k * log_share + (counted - k) * log_other for k in range(right, counted + 1))
    return min(1.0, math.fsum(map(math.exp, logs)))


def lower_bound(right: int, counted: int, delta: float = 0.05) -> float:
    """Return the one-sided lower bound of a share after Clopper and Pearson (1934); 0 where none is right."""
    if not right:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(40):  # to 12 digits
        middle = (low + high) / 2
        low, high = (low, middle) if tail(right, counted, middle) > delta else (middle, high)
    return low


def upper_bound(right: int, counted: int, delta: float = 0.05) -> float:
    """Return the one-sided upper confidence bound of a share after Clopper and Pearson; 1 where all are right."""
    return 1.0 - lower_bound(counted - right, counted, delta)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
