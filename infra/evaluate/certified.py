"""Verdicts in, the share that could run without a person at a proven precision out. Pure.

A share measured on the tickets that the threshold was chosen on flatters. So it is cross-fitted: the tickets are parted
by the hash of their ids, each part is acted on at the threshold that the others prove, and only the threshold to be
used is chosen on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.evaluate.route import Verdict
from infra.evaluate.statistics import Share, part_for, share
from shared.calibration.certify import Counted, Step, walk

TARGETS = (0.95, 0.98, 0.99)
RISK = 0.05
PARTS = 5


@dataclass(frozen=True, slots=True)
class Automatic:
    """What one promised precision allows.

    `proven`: the step that all tickets prove, None where they prove none; `last`: the last one that was tried.
    `fewest`: decisions that a threshold must have. `thresholds`: what all but one of the parts prove, for each of them;
    `acted` and `right` are cross-fitted, and a part of which the others prove none is not acted on.
    """

    target: float
    fewest: int
    proven: Step | None
    last: Step
    thresholds: tuple[float | None, ...]
    acted: Share
    right: Share


def automatic(verdicts: Sequence[Verdict]) -> list[Automatic]:
    """Return what each of TARGETS allows."""
    return [_at(target, verdicts) for target in TARGETS]


def _at(target: float, verdicts: Sequence[Verdict]) -> Automatic:
    whole = walk(_decisions(verdicts), target, RISK)
    thresholds = tuple(_threshold(target, (v for v in verdicts if part_of(v) != n)) for n in range(PARTS))
    acted = [v for v in verdicts if (found := thresholds[part_of(v)]) is not None and v.acts(found)]
    return Automatic(
        target,
        whole.fewest,
        whole.proven,
        whole.steps[-1],
        thresholds,
        Share(len(acted), len(verdicts)),
        share(v.is_right for v in acted),
    )


def _threshold(target: float, verdicts: Iterable[Verdict]) -> float | None:
    proven = walk(_decisions(verdicts), target, RISK).proven
    return proven.threshold if proven else None


def _decisions(verdicts: Iterable[Verdict]) -> list[Counted]:
    return [Counted(v.score, v.is_right) for v in verdicts]


def part_of(verdict: Verdict) -> int:
    """Return which part a ticket is in, from 0 on; the same in every run."""
    return part_for(verdict.ticket.id, PARTS)
