"""The figures' arithmetic: intervals of shares, ranks, calibration, paired tests. Numbers in, numbers out. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import NormalDist

from shared.canonical import sha256_hex

BINS = 10
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, or None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The two-sided 95% interval (Wilson 1927), which holds also for few and for none; None of nothing."""
        if not self.of:
            return None
        p, n, z = self.count / self.of, self.of, _Z
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        # At the ends the exact bound is 0 or 1; only rounding says otherwise.
        return max(0.0, middle - half) if self.count else 0.0, min(1.0, middle + half) if self.count < n else 1.0


@dataclass(frozen=True, slots=True)
class Bin:
    """What was said with a confidence between two bounds: how many, how sure on average, and how many were right."""

    low: float
    high: float
    mean: float
    right: Share


@dataclass(frozen=True, slots=True)
class Point:
    """What acting from one threshold on means."""

    threshold: float
    acted: Share
    right: Share


def share(flags: Iterable[bool]) -> Share:
    """Return how many of the flags are set."""
    found = list(flags)
    return Share(sum(found), len(found))


def auroc(scores: Iterable[tuple[float, bool]]) -> float | None:
    """Return the chance that a positive has the higher score than a negative, ties counting half (Mann-Whitney).

    None where there are only positives, or only negatives.
    """
    pairs = list(scores)
    negatives = sorted(score for score, positive in pairs if not positive)
    positives = [score for score, positive in pairs if positive]
    if not negatives or not positives:
        return None
    below = 0.0
    for score in positives:
        first = bisect_left(negatives, score)
        below += (first + bisect_left(negatives, math.nextafter(score, math.inf))) / 2
    return below / (len(positives) * len(negatives))


def reliability(scores: Iterable[tuple[float, bool]]) -> list[Bin]:
    """Return the bins, of equal width, that anything falls into; 1 belongs to the last."""
    by_bin: dict[int, list[tuple[float, bool]]] = {}
    for score, right in scores:
        by_bin.setdefault(min(int(score * BINS), BINS - 1), []).append((score, right))
    return [
        Bin(n / BINS, (n + 1) / BINS, sum(s for s, _ in found) / len(found), share(right for _, right in found))
        for n, found in sorted(by_bin.items())
    ]


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Return the expected calibration error: the mean distance of confidence and share right (Naeini et al. 2015)."""
    total = sum(b.right.of for b in bins)
    return sum(abs(b.mean * b.right.of - b.right.count) for b in bins) / total if total else None


def curve(scores: Iterable[tuple[float, bool]]) -> list[Point]:
    """Return, for each score over 0 as the threshold and from the strictest on, what acting from there on means."""
    ranked = sorted(scores, reverse=True)
    points, acted, right = [], 0, 0
    for score, same in groupby(ranked, key=lambda pair: pair[0]):
        if score <= 0:
            break
        flags = [is_right for _, is_right in same]
        acted, right = acted + len(flags), right + sum(flags)
        points.append(Point(score, Share(acted, len(ranked)), Share(right, acted)))
    return points


def percentile(values: Iterable[float], percent: float) -> float | None:
    """Return the smallest value that so many percent are not over (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(1, math.ceil(percent / 100 * len(ranked))) - 1] if ranked else None


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p of so many discordant pairs each way, if both were equally good (McNemar 1947)."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    tail: float = sum(math.comb(n, k) for k in range(fewer + 1)) / (1 << n)
    return min(1.0, 2 * tail)


def part_for(key: str, parts: int) -> int:
    """Return which of so many parts what has this key is in, from 0 on: the same in every run."""
    return int(sha256_hex(key.encode("utf-8", "surrogatepass"))[:8], 16) % parts
