"""Labels of one classifier in, what they prove out: for each pool of intents the loosest threshold, and how. Pure.

Which intents stand for themselves, and which decisions are looked at, is settled by counts and by time alone, never by
what the verdicts say: else the promise would not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.calibrate.counting import OF_ITS_INTENT, POOLED, could_run, counts, decision, nothing_counts
from infra.calibrate.labels import digest
from infra.errors import StackError
from shared.calibration.certify import LOOKS, Look, Step, Walk, fewest, look_at, tail, walk, without_an_error
from shared.calibration.reliability import Curve, fit
from shared.task.label import Label
from shared.task.schemas import UNCLASSIFIED


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be proven: a precision, with a risk, of which intents, in one look or in the planned ones."""

    target: float = 0.95
    delta: float = 0.05
    without: frozenset[str] = frozenset()
    per_intent: bool = False
    one_look: bool = False

    @property
    def looks(self) -> int:
        """How many looks share the risk."""
        return 1 if self.one_look else len(LOOKS)

    @property
    def risk(self) -> float:
        """The risk that one look at one pool may take."""
        return self.delta / self.looks

    @property
    def promise(self) -> str:
        """The precision and the risk of one look, in words."""
        return f"{self.target * 100:.4g}% at a risk of {self.risk * 100:.4g}%"


@dataclass(frozen=True, slots=True)
class Pool:
    """Intents that are proven together, or one by itself: the walk over their decisions, and those decisions."""

    intents: tuple[str, ...]
    walk: Walk
    labels: list[Label]

    @property
    def curve(self) -> Curve:
        """What a confidence was worth."""
        return fit((label.confidence, bool(label.right)) for label in self.labels)

    def own(self, intent: str, threshold: float) -> tuple[int, int]:
        """Return how many of one intent's decisions were right from a threshold on, and how many there are."""
        mine = [x.right for x in self.labels if x.said == intent and x.confidence >= threshold >= x.above]
        return sum(map(bool, mine)), len(mine)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One look: at which decisions it was taken, and the pools, some of which may prove nothing."""

    wanted: Wanted
    look: Look
    labels: list[Label]
    pools: list[Pool]

    @property
    def since(self) -> datetime:
        """When the first decision was made."""
        return self.labels[0].at

    @property
    def until(self) -> datetime:
        """When the last one was."""
        return self.labels[-1].at

    @property
    def digest(self) -> str:
        """The SHA-256 of the decisions."""
        return digest(self.labels)

    @property
    def proven(self) -> list[Pool]:
        """The pools of which something is proven."""
        return [pool for pool in self.pools if pool.walk.proven]


def propose(labels: Sequence[Label], wanted: Wanted) -> Proposal:
    """Return what these labels, of one classifier and from the oldest on, prove.

    Raises:
        StackError: they are too few, or no proof at all; it says how many, and what to do.
    """
    drawn = OF_ITS_INTENT if wanted.per_intent else POOLED
    counted = [label for label in labels if counts(label, drawn)]
    if not counted:
        raise StackError(nothing_counts(labels))
    look = due(len(counted), wanted)
    seen = counted[: look.decisions]
    return Proposal(wanted, look, seen, _pools(seen, wanted))


def due(counted: int, wanted: Wanted) -> Look:
    """Return the look that is due with so many decisions.

    Raises:
        StackError: they are too few to prove anything.
    """
    look = Look(1, counted) if wanted.one_look else look_at(counted)
    if look is None or look.decisions < without_an_error(wanted.target, wanted.risk):
        raise StackError(_too_few(counted, wanted))
    return look


def _too_few(counted: int, wanted: Wanted) -> str:
    least = without_an_error(wanted.target, wanted.risk)
    words = f"{least:,} without an error certify {wanted.promise}; there are {counted:,}"
    if wanted.one_look:
        return f"{words}: decide more tickets"
    due = next((decisions for decisions in LOOKS if decisions >= max(least, counted + 1)), None)
    if due is None:
        return f"{words}, and the last look is at {LOOKS[-1]:,}: say a lower --target, or --one-look"
    return f"{words}, and the next look is at {due:,} decisions: decide more tickets"


def _pools(seen: list[Label], wanted: Wanted) -> list[Pool]:
    others = {UNCLASSIFIED, *wanted.without}
    named = Counter(label.said for label in seen if label.said not in others)
    needed = fewest(wanted.target, wanted.risk)
    alone = sorted(name for name, count in named.items() if wanted.per_intent and count >= needed)
    pooled = sorted({x.said for x in seen if x.drawn in POOLED} - {*alone, *others})
    groups = [((name,), OF_ITS_INTENT) for name in alone] + ([(tuple(pooled), POOLED)] if pooled else [])
    return [
        _pool(names, [x for x in seen if x.said in names and could_run(x) and counts(x, drawn)], wanted)
        for names, drawn in groups
    ]


def _pool(intents: tuple[str, ...], labels: list[Label], wanted: Wanted) -> Pool:
    return Pool(intents, walk(map(decision, labels), wanted.target, wanted.risk), labels)


def why_not(pool: Pool, wanted: Wanted) -> str:
    """Return at which step the walk of a pool that proves nothing failed, and how many were wrong there."""
    last: Step = pool.walk.steps[-1]
    if last.counted < pool.walk.fewest:
        return (
            f"{last.counted} decisions reach {last.threshold:g}, the loosest threshold; it takes {pool.walk.fewest} to "
            f"prove {wanted.promise}"
        )
    wrong = last.counted - last.right
    allowed = max(
        (w for w in range(wrong) if tail(last.counted - w, last.counted, wanted.target) <= wanted.risk), default=0
    )
    return (
        f"the first threshold that enough decisions reach is {last.threshold:g}: {wrong} of {last.counted} are wrong "
        f"there, and at most {allowed} may be"
    )
