"""Verdicts in, every figure about them out: what the tables, the JSON and the pictures show. Pure.

A ticket without an answer counts as one that named no intent: a person would get it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.cost.bill import Prices
from infra.evaluate.route import Verdict
from infra.evaluate.statistics import Bin, Point, Share, auroc, calibration_error, curve, percentile, reliability, share
from shared.intent.registry import RESERVED, Registry
from shared.task.schemas import UNCLASSIFIED

FOREIGN = "another intent"  # the kind of what bears a label that is none of the registry's
UNKNOWN_KIND = "not said"


@dataclass(frozen=True, slots=True)
class OfIntent:
    """One intent: the share of its tickets that named it, and of those acted on as this intent that are right."""

    found: Share
    acted: int
    right: Share


@dataclass(frozen=True, slots=True)
class Outside:
    """Out-of-scope tickets of one kind: for how many no intent was named, and how many were not acted on."""

    named_none: Share
    left: Share


@dataclass(frozen=True, slots=True)
class Spent:
    """What 1,000 tickets cost, and how long the calls took; dollars at the prices of `as_of`, tokens as reported."""

    tokens: float
    dollars: float
    as_of: str
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured. `acted` is of all tickets and `right` of those acted on, both at `threshold`."""

    threshold: float
    tickets: int
    in_scope: Share
    found: Share
    acted: Share
    right: Share
    intents: dict[str, OfIntent]
    outside: dict[str, Outside]
    error: float | None  # of calibration, where an intent is named
    auroc_right: float | None
    auroc_right_named: float | None
    auroc_in_scope: float | None
    spent: Spent
    executed: Share  # by the gate, with all its checks
    executed_right: Share
    reasons: dict[str, int]  # code -> tickets that the gate would pause for it
    failures: dict[str, int]  # code -> calls that gave no answer
    cannot_run: int  # tickets that named an intent with parameters or an answer that no confidence would let run
    strange_labels: dict[str, int]  # label that is no intent of the registry -> tickets
    known_by_heart: int  # tickets whose text the intents hold as an example or a near miss
    models: dict[str, int]
    confusion: dict[str, dict[str, int]]  # gold -> said -> tickets
    bins: list[Bin]
    curve: list[Point]


def measure(verdicts: Sequence[Verdict], registry: Registry, threshold: float, prices: Prices) -> Report:
    """Return the figures; there is at least one verdict."""
    acted = [v for v in verdicts if v.acts(threshold)]
    executed = [v for v in verdicts if v.executes]
    named = [(v.confidence, v.is_right) for v in verdicts if v.names_one]
    bins = reliability(named)
    return Report(
        threshold=threshold,
        tickets=len(verdicts),
        in_scope=share(v.is_in_scope for v in verdicts),
        found=share(v.is_right for v in verdicts if v.is_in_scope),
        acted=Share(len(acted), len(verdicts)),
        right=share(v.is_right for v in acted),
        intents={name: _of_intent(name, verdicts, acted) for name in registry},
        outside=_outside(verdicts, threshold),
        error=calibration_error(bins),
        auroc_right=auroc((v.sureness, v.is_right) for v in verdicts),
        auroc_right_named=auroc(named),
        auroc_in_scope=auroc((v.sureness, v.is_in_scope) for v in verdicts),
        spent=_spent(verdicts, prices),
        executed=Share(len(executed), len(verdicts)),
        executed_right=share(v.is_right for v in executed),
        reasons=_count(code for v in verdicts for code in {r.partition(":")[0] for r in v.reasons}),
        failures=_count(v.failure for v in verdicts if v.failure),
        cannot_run=sum(v.names_one and not v.can_run for v in verdicts),
        strange_labels=_count(v.ticket.intent for v in verdicts if v.ticket.intent not in {*registry, *RESERVED}),
        known_by_heart=_known_by_heart(verdicts, registry),
        models=_count(v.answer.model for v in verdicts if v.answer),
        confusion={gold: _count(v.said for v in verdicts if v.gold == gold) for gold in (*registry, UNCLASSIFIED)},
        bins=bins,
        curve=curve((v.score, v.is_right) for v in verdicts),
    )


def kind_of(verdict: Verdict) -> str:
    """Return which kind of out of scope a ticket is; empty for one in scope."""
    if verdict.is_in_scope:
        return ""
    if verdict.ticket.intent not in RESERVED:
        return FOREIGN
    return verdict.ticket.oos_kind or UNKNOWN_KIND


def _of_intent(name: str, verdicts: Sequence[Verdict], acted: Sequence[Verdict]) -> OfIntent:
    mine = [v for v in acted if v.said == name]
    return OfIntent(share(v.is_right for v in verdicts if v.gold == name), len(mine), share(v.is_right for v in mine))


def _outside(verdicts: Sequence[Verdict], threshold: float) -> dict[str, Outside]:
    kinds = sorted({kind_of(v) for v in verdicts} - {""}, key=("near", "far", FOREIGN, UNKNOWN_KIND).index)
    groups = {kind: [v for v in verdicts if kind_of(v) == kind] for kind in kinds}
    if len(kinds) != 1:
        groups["all"] = [v for v in verdicts if not v.is_in_scope]
    return {
        kind: Outside(share(not v.names_one for v in found), share(not v.acts(threshold) for v in found))
        for kind, found in groups.items()
    }


def _spent(verdicts: Sequence[Verdict], prices: Prices) -> Spent:
    """Only the sum of prompt and answer is reported by a call: the answer's part is estimated from its length."""
    answers = [v.answer for v in verdicts if v.answer]
    total = sum(answer.tokens_used for answer in answers)
    said = sum(len(a.text) / prices.given["characters per token"] for a in answers if a.tokens_used)
    said = min(said, total)
    dollars = prices.by_unit["model input tokens"].of(total - said) + prices.by_unit["model output tokens"].of(said)
    per_1000 = 1000 / len(verdicts)
    latencies = [answer.latency_ms for answer in answers]
    return Spent(
        total * per_1000, dollars * per_1000, prices.as_of, percentile(latencies, 50), percentile(latencies, 95)
    )


def _known_by_heart(verdicts: Sequence[Verdict], registry: Registry) -> int:
    known = taught(registry)
    return sum(bare(v.ticket.text) in known for v in verdicts)


def taught(registry: Registry) -> frozenset[str]:
    """Return the examples and near misses of all intents, as `bare` leaves them."""
    return frozenset(bare(text) for i in registry.values() for text in (*i.examples, *i.near_misses))


def bare(text: str) -> str:
    """Return a text without what makes no other text of it: case, spaces, its last punctuation."""
    return " ".join(text.casefold().split()).rstrip(".!?")


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
