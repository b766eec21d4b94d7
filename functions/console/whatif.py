"""Recorded tasks, today's policy and another one in; what would take another way, and what that means, out. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.currency import DECIMALS
from shared.entries import ANY_INTENT
from shared.event.money import Amount
from shared.gate.replay import Decided, Past, Replay
from shared.settings import Settings

ANYBODY = "anybody"  # who may decide where APPROVERS names nobody
MOST_SHOWN = 10
A_DAY = timedelta(days=1)
# Of fewer decisions about an intent no share is taken for its others.
MIN_LABELS = 10


@dataclass(frozen=True, slots=True)
class Flip:
    """A task that would take the other way: it `runs` by itself, or pauses.

    `reasons`: the codes for which it paused and would not, or for which it would. `right`: what people said of the
    suggestion; None: nothing.
    """

    task_id: str
    intent: str
    confidence: float
    runs: bool
    reasons: tuple[str, ...]
    amount: Amount | None
    right: bool | None

    @property
    def weight(self) -> tuple[float, float]:
        """What it is shown by: its amount in whole units of its currency, then the confidence."""
        return _units(self.amount), self.confidence


@dataclass(frozen=True, slots=True)
class Path:
    """How many tasks of one intent, for the same reasons, would take the other way."""

    intent: str
    runs: bool
    reasons: tuple[str, ...]
    tasks: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """How many of the tasks that run by themselves are wrong, as far as people's decisions tell.

    `labelled` tasks were judged themselves; `estimated` ones count by the share of their intent that was wrong, which
    is rather too much: people decide about what is less sure. Of the rest, `unknown`, nothing is in `expected`; it is
    None where nothing is known of any.
    """

    expected: float | None
    labelled: int
    estimated: int
    unknown: int


@dataclass(slots=True)
class Judged:
    """How many of some suggestions people judged, and how many of those were wrong."""

    tasks: int = 0
    wrong: int = 0

    def add(self, right: bool) -> None:
        """Count one."""
        self.tasks += 1
        self.wrong += not right


@dataclass(slots=True)
class Side:
    """What one policy makes of the tasks. `asked`: who may be asked for how many; `money`: minor units by currency.

    `judged` and `others`, which nobody judged, are of those that run by themselves.
    """

    runs: int = 0
    waits: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    money: Counter[str] = field(default_factory=Counter)
    judged: Judged = field(default_factory=Judged)
    others: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Comparison:
    """Two policies over the same tasks, which are added in the order in which they came.

    `labels`: whether the suggestion was right, by task, where more is known than its record says. `moved_on`: how many
    would be decided otherwise today than they were, because settings or intents have changed since.
    """

    today: Replay
    tried: Replay
    labels: Mapping[str, bool | None] = field(default_factory=dict)
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    flips: list[Flip] = field(default_factory=list)
    decided: Counter[str] = field(default_factory=Counter)
    tasks: int = 0
    moved_on: int = 0
    first: datetime | None = None
    last: datetime | None = None
    _judged: defaultdict[str, Judged] = field(default_factory=lambda: defaultdict(Judged))

    def add(self, past: Past) -> None:
        """Decide about one task by both policies."""
        before, after = self.today.decide(past), self.tried.decide(past)
        self.last = past.record.created_at
        self.first = self.first or self.last
        self.tasks += 1
        self.moved_on += before.runs != past.runs
        if past.record.approval is not None:
            self.decided[past.record.approval.by] += 1
        right = self._right(past)
        if right is not None:
            self._judged[past.record.classification.intent].add(right)
        self._count(self.before, before, past, self.today.settings)
        self._count(self.after, after, past, self.tried.settings)
        if before.runs != after.runs:
            self.flips.append(self._flip(past, before, after))

    def wrong(self, side: Side) -> Wrong:
        """Return how many of the tasks that run by themselves are expected to be wrong."""
        known = {name: self._judged[name] for name in side.others if self._judged[name].tasks >= MIN_LABELS}
        expected = side.judged.wrong + sum(side.others[n] * j.wrong / j.tasks for n, j in known.items())
        estimated = sum(side.others[name] for name in known)
        unknown = side.others.total() - estimated
        is_known = side.judged.tasks or estimated or not unknown
        return Wrong(round(expected, 2) if is_known else None, side.judged.tasks, estimated, unknown)

    @property
    def days(self) -> float:
        """How long the tasks took to come in; at least one day, so that an hour is not taken for the rule."""
        span = self.last - self.first if self.first and self.last else A_DAY
        return max(span / A_DAY, 1.0)

    @property
    def paths(self) -> list[Path]:
        """The tasks that would take the other way, alike beside alike, most first."""
        found = Counter((f.intent, f.runs, f.reasons) for f in self.flips)
        return [Path(*key, n) for key, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))]

    @property
    def matter(self) -> list[Flip]:
        """The flips that matter most: by amount, then by confidence."""
        return sorted(self.flips, key=lambda flip: flip.weight, reverse=True)[:MOST_SHOWN]

    @property
    def people(self) -> list[str]:
        """Who has decided or may be asked, by name."""
        return sorted({*self.before.asked, *self.after.asked, *self.decided})

    @property
    def currencies(self) -> list[str]:
        """What money moves by itself, before or after."""
        return sorted({*self.before.money, *self.after.money})

    def _count(self, side: Side, decided: Decided, past: Past, settings: Settings) -> None:
        if not decided.runs:
            side.waits += 1
            side.asked.update(_approvers(settings, past.record.classification.intent))
            return
        side.runs += 1
        if decided.amount:
            side.money[decided.amount.currency] += decided.amount.minor
        right = self._right(past)
        if right is None:
            side.others[past.record.classification.intent] += 1
        else:
            side.judged.add(right)

    def _right(self, past: Past) -> bool | None:
        return self.labels.get(past.record.task_id, past.right)

    def _flip(self, past: Past, before: Decided, after: Decided) -> Flip:
        said = past.record.classification
        return Flip(
            task_id=past.record.task_id,
            intent=said.intent,
            confidence=said.confidence,
            runs=after.runs,
            reasons=before.codes if after.runs else after.codes,
            amount=after.amount,
            right=self._right(past),
        )


def _approvers(settings: Settings, intent: str) -> Iterable[str]:
    return settings.approvers.get(intent, settings.approvers.get(ANY_INTENT)) or (ANYBODY,)


def _units(amount: Amount | None) -> float:
    return amount.minor / 10 ** DECIMALS.get(amount.currency, 0) if amount else 0.0
