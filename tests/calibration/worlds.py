"""Worlds to prove something in: what people decided there, by chance, and what is true of all tickets there.

Each is harsh on one shortcut that somebody might take, and says which look is taken at how many decisions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from infra.calibrate.proposal import Proposal
from shared.task.label import Label, Verdict
from shared.task.schemas import UNCLASSIFIED, Drawn
from tests.calibration.table import Row, Said, rows

TARGET = 0.95
ONE = {"target": TARGET, "one_look": True}
WHEN = datetime(2026, 9, 1, tzinfo=UTC)

FORM = Said("refund_status", 0.97)

Spoken = tuple[Said, bool]  # what was said, and whether it was right


class Rule(Protocol):
    """What is under test: from labels to a proposal, and from lessons to answers out of sample."""

    def propose(self, labels: Sequence[Label], **wanted: Any) -> Proposal:
        """Return what labels prove of what is wanted, see infra.calibrate.proposal."""

    def out_of_sample(self, lessons: Sequence[tuple[str, str]], teach: Any) -> list[Any]:
        """Return what is said of each lesson, see infra.calibrate.crossfit."""


@dataclass(frozen=True, slots=True)
class History:
    """Decisions from the oldest on, what is wanted of them, at which numbers of them somebody looks, and the truth: for
    intents and a threshold the share that is right of all that is acted on; None where nothing is."""

    labels: list[Label]
    wanted: dict[str, Any]
    looks: tuple[int, ...]
    right_at: Callable[[frozenset[str], float], float | None]


World = Callable[[random.Random, Rule], History]


@cache
def label(said: Said, right: bool | None, drawn: Drawn = "probation", above: float = 0.0) -> Label:
    """Return a decision; `right` None: a refusal for other reasons. Which task it was, and when, nobody asks here."""
    verdict: Verdict = "other" if right is None else "right" if right else "relabelled"
    if said.intent == UNCLASSIFIED and right:
        verdict = "wrong_intent"
    return Label(
        task_id="t",
        at=WHEN,
        by="mara@example.com",
        source="support",
        said=said.intent,
        confidence=said.confidence,
        model="m",
        prompt_version="p",
        verdict=verdict,
        intent=None,
        right=right,
        drawn=drawn,
        above=above,
        text_sha256="",
    )


@cache
def truth(said_of: Callable[[Row], Spoken], forms: float = 0.0) -> Callable[[frozenset[str], float], float | None]:
    """Return the truth about the traffic that the real tickets are drawn from; `forms`: the share of FORM in it."""
    known = [(said.intent, said.confidence, right, (1 - forms) / len(rows())) for said, right in map(said_of, rows())]
    known.append((FORM.intent, FORM.confidence, False, forms))

    def right_at(intents: frozenset[str], threshold: float) -> float | None:
        acted = [(right, weight) for intent, sure, right, weight in known if sure >= threshold and intent in intents]
        return sum(right * weight for right, weight in acted) / total if (total := sum(w for _, w in acted)) else None

    return right_at


def drawn(rng: random.Random, decisions: int) -> list[Row]:
    """Return so many of the real tickets by chance, as they would come in for ever."""
    return rng.choices(rows(), k=decisions)


def few(row: Row) -> Spoken:
    """What a classifier says that knows ten examples of each intent."""
    return row.few, row.few.intent == row.asks


def taught(row: Row) -> Spoken:
    """What one says that learnt from decisions about other tickets besides."""
    return row.taught, row.taught.intent == row.asks


def modest(row: Row) -> Spoken:
    """What one says that is as right, and never sure."""
    (intent, confidence), right = taught(row)
    return Said(intent, confidence * 0.89), right


def probation(said_of: Callable[[Row], Spoken]) -> World:
    """Every ticket decided by a person."""

    def world(rng: random.Random, rule: Rule) -> History:
        return History([label(*said_of(row)) for row in drawn(rng, 500)], ONE, (500,), truth(said_of))

    return world


def half_are_silent(rng: random.Random, rule: Rule) -> History:
    """Every other ticket gets no verdict, whatever it is: refused for another reason."""
    spoken = map(few, drawn(rng, 1000))
    labels = [label(said, right if n % 2 else None) for n, (said, right) in enumerate(spoken)]
    return History(labels, ONE, (1000,), truth(few))


def audited(rng: random.Random, rule: Rule) -> History:
    """From 0.9 on tickets run by themselves, a fifth of them audited; people decide those that are unsure."""
    labels = []
    for said, right in map(taught, drawn(rng, 1400)):
        if said.intent == UNCLASSIFIED or said.confidence < 0.9:
            labels.append(label(said, right, ""))
        elif rng.random() < 0.2:
            labels.append(label(said, right, "audit", 0.9))
    return History(labels, ONE, (len(labels),), truth(taught))


def sure_of_one_form(rng: random.Random, rule: Rule) -> History:
    """A modest classifier, sure of nothing but a form that it misreads: the form runs by itself, and nobody sees it."""
    labels = [label(*modest(row), "") for row in drawn(rng, 850)]
    return History(labels, ONE, (850,), truth(modest, forms=0.06))


def taught_on_what_it_is_judged_by(rng: random.Random, rule: Rule) -> History:
    """The decisions teach the classifier, and are to prove what it learnt."""
    decided = drawn(rng, 500)
    by_ticket = {row.ticket: row for row in decided}

    def teach(lessons: list[tuple[str, str]]) -> Callable[[str], Said]:
        known = {ticket for ticket, _ in lessons}
        return lambda ticket: by_ticket[ticket].by_heart if ticket in known else by_ticket[ticket].taught

    said = rule.out_of_sample([(row.ticket, row.asks) for row in decided], teach)
    labels = [label(s, s.intent == row.asks) for s, row in zip(said, decided, strict=True)]
    return History(labels, ONE, (500,), truth(taught))


def just_below(wanted: dict[str, Any], looks: tuple[int, ...]) -> World:
    """The worst case: at every threshold the share that is right is just under the target."""
    share, sure = TARGET - 0.001, [Said("order_status", n / 100) for n in range(40, 100)]

    def world(rng: random.Random, rule: Rule) -> History:
        spoken = ((rng.choice(sure), rng.random() < share) for _ in range(looks[-1]))
        return History([label(*s) for s in spoken], wanted, looks, lambda intents, threshold: share)

    return world


WORLDS: dict[str, World] = {
    "few examples": probation(few),
    "taught by decisions": probation(taught),
    "half are silent": half_are_silent,
    "audited": audited,
    "sure of one form": sure_of_one_form,
    "taught on what it is judged by": taught_on_what_it_is_judged_by,
    "just below": just_below(ONE, (1000,)),
    "looked at again and again": just_below({"target": TARGET}, tuple(range(200, 1201, 200))),
}
