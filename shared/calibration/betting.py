"""Verdicts one by one in, the wealth of a bet against a claim out: an alarm that may be looked at at any time. Pure.

Whoever bets against a true claim multiplies their money by 20 with a probability of 1 in 20 at most, however long they
play and whenever they look (Ville's inequality; Waudby-Smith and Ramdas 2020, arXiv 2006.04347).
"""

from __future__ import annotations

from collections.abc import Sequence

RINGS_AT = 20.0  # a false alarm in at most 5% of all histories that never end
WORSE = (0.9, 0.85, 0.7)  # what an alarm bets on, where 0.95 is claimed: a slow and a fast decline
START = (1.0,) * len(WORSE)
MOST = 1e12  # wealth beyond this proves nothing more


def bet(wealth: Sequence[float], right: bool, claimed: float, shares: Sequence[float] = WORSE) -> tuple[float, ...]:
    """Return the wealth of each bet after one more verdict: each on one of `shares` being true instead of `claimed`.

    `claimed` lies between 0 and 1.
    """
    stakes = zip(wealth, (_below(share, claimed) for share in shares), strict=True)
    return tuple(min(MOST, w * (share / claimed if right else (1 - share) / (1 - claimed))) for w, share in stakes)


def rings(wealth: Sequence[float]) -> bool:
    """Whether the bets, taken together, have refuted the claim."""
    return sum(wealth) / len(wealth) >= RINGS_AT


def _below(share: float, claimed: float) -> float:
    """Return what is bet on, which is worse than the claim in any case."""
    return min(share, claimed * 0.98)
