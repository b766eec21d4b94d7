"""Two settings over the same tickets, one beside the other: which is better, and which tickets go another way. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.evaluate.route import Verdict
from infra.evaluate.statistics import mcnemar


@dataclass(frozen=True, slots=True)
class Flip:
    """A ticket of which the two say something else, or which only one acts on or executes."""

    here: Verdict
    there: Verdict
    acts: tuple[bool, bool]
    executes: tuple[bool, bool]

    @property
    def is_better_here(self) -> bool | None:
        """Whether this setting is right and the other wrong; None where both are as right."""
        return None if self.here.is_sorted == self.there.is_sorted else self.here.is_sorted


@dataclass(frozen=True, slots=True)
class Comparison:
    """How often both, one or none are right (`unclassified` for what is out of scope), and what differs.

    `p`: the exact two-sided McNemar test on the tickets of which only one is right. `wrongly_acted` counts tickets
    that each acts on and is wrong about.
    """

    both: int
    only_here: int
    only_there: int
    neither: int
    p: float
    wrongly_acted: tuple[int, int]
    flips: list[Flip]


def compare(here: Sequence[Verdict], there: Sequence[Verdict], thresholds: tuple[float, float]) -> Comparison:
    """Compare two runs over the same tickets in the same order; each acts at its own threshold.

    Flips come first where somebody would notice: what was executed or acted on.
    """
    pairs = list(zip(here, there, strict=True))
    only_here = sum(a.is_sorted and not b.is_sorted for a, b in pairs)
    only_there = sum(b.is_sorted and not a.is_sorted for a, b in pairs)
    both = sum(a.is_sorted and b.is_sorted for a, b in pairs)
    flips = [Flip(a, b, (a.acts(thresholds[0]), b.acts(thresholds[1])), (a.executes, b.executes)) for a, b in pairs]
    changed = [f for f in flips if f.here.said != f.there.said or len(set(f.acts)) == 2 or len(set(f.executes)) == 2]
    wrongly = (
        sum(f.acts[0] and not f.here.is_right for f in flips),
        sum(f.acts[1] and not f.there.is_right for f in flips),
    )
    changed.sort(key=lambda f: (not any(f.executes), not any(f.acts), f.is_better_here is None))
    return Comparison(
        both,
        only_here,
        only_there,
        len(pairs) - both - only_here - only_there,
        mcnemar(only_here, only_there),
        wrongly,
        changed,
    )
