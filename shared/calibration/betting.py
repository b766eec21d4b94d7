"""Verdicts one by one in, the wealth of a bet against a claim out: proof that may be looked at at any time. Pure.

Whoever bets against a true claim multiplies their money by 20 with a probability of 1 in 20 at most, however long they
play and whenever they look (Ville's inequality; Waudby-Smith and Ramdas 2020, arXiv 2006.04347).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.calibration.certify import GRID, Counted

RINGS_AT = 20.0  # a false alarm in at most 5% of all histories that never end
WORSE = (0.9, 0.85, 0.7)  # what an alarm bets on, where 0.95 is claimed: a slow and a fast decline
START = (1.0,) * len(WORSE)
BETTER = (0.4, 0.6, 0.8, 0.9)  # what a proof bets on: so far on the way from the target to no error at all
MOST = 1e12  # wealth beyond this proves nothing more


class Proof(NamedTuple):
    """The loosest threshold that is proven by now, and how many of the decisions that reach it were right."""

    threshold: float
    right: int
    counted: int


def bet(wealth: Sequence[float], right: bool, claimed: float, shares: Sequence[float] = WORSE) -> tuple[float, ...]:
    """Return the wealth of each bet after one more verdict: each on one of `shares` being true instead of `claimed`.

    `claimed` lies between 0 and 1.
    """
    stakes = zip(wealth, (_below(share, claimed) for share in shares), strict=True)
    return tuple(min(MOST, w * (share / claimed if right else (1 - share) / (1 - claimed))) for w, share in stakes)


def rings(wealth: Sequence[float]) -> bool:
    """Whether the bets, taken together, have refuted the claim."""
    return sum(wealth) / len(wealth) >= RINGS_AT


def proof(
    decisions: Iterable[Counted], target: float = 0.95, delta: float = 0.05, strictest: float = 0.8
) -> Proof | None:
    """Return the loosest threshold that is proven by now: from there on a share of at least `target` is right.

    `decisions` come from the oldest on. The promise is that of one walk (`shared.calibration.certify.walk`), for
    whoever looks after every decision: it takes up to two thirds more of them, and what was proven once stays so. The
    walk begins at `strictest`, which is fixed before any decision is seen: a stricter step that few decisions reach
    would hold up all others, and to pass over it only as long as it is short of them would be another look.
    `target` and `delta` lie between 0 and 1.
    """
    known, found = list(decisions), None
    for threshold in (t for t in GRID if t <= strictest):
        acted = [d.right for d in known if d.confidence >= threshold and d.above <= threshold]
        if _most(acted, target) < 1 / delta:
            break
        found = Proof(threshold, sum(acted), len(acted))
    return found


def _most(verdicts: Iterable[bool], target: float) -> float:
    """Return the most that betting on these verdicts being better than the target ever came to."""
    shares = [target + (1 - target) * part for part in BETTER]
    won = [(share / target, (1 - share) / (1 - target)) for share in shares]
    wealth, most = [1.0] * len(won), 0.0
    for right in verdicts:
        wealth = [
            min(MOST, w * (if_right if right else if_wrong))
            for w, (if_right, if_wrong) in zip(wealth, won, strict=True)
        ]
        most = max(most, sum(wealth) / len(wealth))
    return most


def _below(share: float, claimed: float) -> float:
    """Return what is bet on, which is worse than the claim in any case."""
    return min(share, claimed * 0.98)
