"""Decisions with their texts in; the local classifier that they teach, and labels as if it had been asked, out.

What it says of a text comes from what learnt without it. At a look the first so many decisions teach and prove, so that
teaching anew with every decision is no look of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.calibrate.crossfit import out_of_sample
from infra.calibrate.proposal import Wanted, due
from infra.calibrate.recorded import spoken
from infra.errors import StackError
from infra.evaluate.route import Asked, ask, judge
from infra.evaluate.tickets import OUT_OF_SCOPE, Ticket
from shared.intent.registry import Registry
from shared.model.artefact import Artefact
from shared.model.local import LocalClassifier
from shared.model.question import Answer
from shared.model.teaching import Lesson, train
from shared.settings import Settings
from shared.task.label import Label
from shared.task.schemas import UNCLASSIFIED

TIMEOUT_S = 60.0  # the local classifier asks nobody


@dataclass(frozen=True, slots=True)
class Retrained:
    """What was taught, by how many decisions, and the decisions about it."""

    artefact: Artefact
    lessons: int
    labels: list[Label]


def retrained(
    labels: Sequence[Label],
    registry: Registry,
    settings: Settings,
    wanted: Wanted,
    tell: Callable[[int], None] = lambda done: None,
) -> Retrained:
    """Return what the labels, of whatever classifier and from the oldest on, teach up to the look that is due.

    Only what was on probation is proof: an audit was drawn for the confidence of another classifier.

    Raises:
        StackError: too few of them hold the text and say what was asked for.
    """
    known = [label for label in labels if label.text.strip() and label.intent is not None]
    if not known:
        raise StackError("no label holds the text that was read; texts are kept from when LABEL_TEXTS is keep")
    places = [n for n, label in enumerate(known) if label.right is not None and label.drawn == "probation"]
    seen = known[: places[due(len(places), wanted).decisions - 1] + 1]
    lessons: list[Lesson] = [(label.text, label.intent or "") for label in seen]
    whole = train(registry, lessons)

    def teach(others: list[Lesson]) -> Callable[[str], Answer]:
        classifier = LocalClassifier(registry, train(registry, others))
        return lambda text: _answer(classifier, _asked(text, "", registry, settings))

    answers = out_of_sample(lessons, teach, tell)
    proofs = [n for n in places if n < len(seen)]
    judged = [_judged(seen[n], answers[n], whole.name, registry, settings) for n in proofs]
    return Retrained(whole, len(lessons), judged)


def _asked(text: str, intent: str, registry: Registry, settings: Settings) -> Asked:
    return ask(Ticket("decided", text, OUT_OF_SCOPE if intent == UNCLASSIFIED else intent), registry, settings)


def _answer(classifier: LocalClassifier, asked: Asked) -> Answer:
    return asyncio.run(classifier.ask(asked.question, TIMEOUT_S))


def _judged(label: Label, answer: Answer, model: str, registry: Registry, settings: Settings) -> Label:
    """Return the label as it would be, had this been the answer. Where a rejection says only what it was not, it is
    wrong to say anything."""
    asked = _asked(label.text, label.intent or "", registry, settings)
    verdict = judge(asked, answer, registry, settings, label.at)
    return label.model_copy(
        update={
            "said": verdict.said,
            "confidence": verdict.confidence,
            "model": model,
            "prompt_version": asked.question.version,
            "verdict": spoken(verdict),
            "right": verdict.is_sorted,
        }
    )
