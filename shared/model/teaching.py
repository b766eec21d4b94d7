"""The registry, and what people decided -> the labelled texts that the local classifier learns from. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from shared.errors import SettingError
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.model.artefact import Artefact, fingerprint
from shared.model.language import languages_of
from shared.model.regression import Rarities, Regression, Vector, features
from shared.model.training import SHARPNESS, fit
from shared.task.schemas import UNCLASSIFIED

SHARPNESS_OF_DECISIONS = 1.25
OUT_OF_SCOPE = "out_of_scope"  # what people call `unclassified`

SMALL_TALK = (
    "what is the weather going to be like tomorrow",
    "tell me a joke",
    "who won the football match last night",
    "how many calories are in a banana",
    "what is the capital of Australia",
    "play some music",
    "translate good morning into Spanish",
    "how do I bake sourdough bread",
    "set an alarm for seven",
    "what does this word mean",
    "recommend a good book",
    "how tall is the highest mountain",
    "what time is it in Tokyo",
    "who wrote this song",
    "why is the sky blue",
    "how do I change a flat tyre",
    "is the restaurant on the corner open today",
    "where can I buy cheap flights",
    "thank you very much, that was all",
    "hello, is anybody there",
    "you are a robot, let me talk to a human",
)

_NOT = re.compile(r"\bnot\b", re.IGNORECASE)
_PIECE = re.compile(r"[./,;:]")

Lesson = tuple[str, str]


def train(registry: Registry, labels: Iterable[Lesson] = ()) -> Artefact:
    """Return what the intents' folders and `labels`, pairs of a text and its intent or `unclassified`, teach.

    Raises:
        SettingError: a label is no intent of the registry.
    """
    decisions = list(_checked(labels, registry))
    small_talk = ((line, UNCLASSIFIED) for line in SMALL_TALK)
    lessons = [*_positive(registry), *near_misses(registry), *small_talk]
    wanted = [text for intent in registry.values() for text in intent.examples]
    languages = languages_of([*wanted, *(text for text, label in decisions if label != UNCLASSIFIED)])
    vectors = [features(text) for text, _ in lessons]
    vectors += _of_more_than_one([features(text) for text, _ in decisions], {name for v in vectors for name in v})
    sharpness = SHARPNESS_OF_DECISIONS if decisions else SHARPNESS
    learnt = fit(vectors, [label for _, label in (*lessons, *decisions)], sharpness)
    return Artefact(learnt, fingerprint(registry), languages, len(decisions))


def _of_more_than_one(tickets: Sequence[Vector], public: Collection[str]) -> list[Vector]:
    """Leave out what a single ticket has, such as a name: what is learnt goes into a file that others may read."""
    having = Counter(name for ticket in tickets for name in ticket)
    kept = {name for name, count in having.items() if count > 1}.union(public)
    return [{name: x for name, x in ticket.items() if name in kept} for ticket in tickets]


def _checked(labels: Iterable[Lesson], registry: Registry) -> Iterator[Lesson]:
    for number, (text, intent) in enumerate(labels, 1):
        label = UNCLASSIFIED if intent == OUT_OF_SCOPE else intent
        if label != UNCLASSIFIED and label not in registry:
            raise SettingError(
                f"label {number} is {label!r}, which no folder declares; drop it, or label it {UNCLASSIFIED!r}"
            )
        yield text, label


def _positive(registry: Registry) -> Iterator[Lesson]:
    """Yield examples, name and description in pieces; a description's `Not: ...` says nothing of the intent."""
    for intent in registry.values():
        yield from ((text, intent.name) for text in intent.examples)
        yield from ((text, intent.name) for text in _said_of(intent))


def _said_of(intent: Intent) -> list[str]:
    positive = _NOT.split(intent.description)[0]
    return [intent.name.replace("_", " "), *(piece for piece in _PIECE.split(positive) if piece.strip())]


def near_misses(registry: Registry) -> Iterator[Lesson]:
    """Yield as `unclassified` what is near its own intent. Nearer to another's examples, it may well be that one."""
    lessons = list(_positive(registry))
    nearest = _centres([features(text) for text, _ in lessons], [label for _, label in lessons])
    for intent in registry.values():
        for text in intent.near_misses:
            likeness = nearest.probabilities(features(text))
            if likeness[intent.name] == max(likeness.values()):
                yield text, UNCLASSIFIED


def _centres(vectors: Sequence[Vector], labels: Sequence[str]) -> Regression:
    """Return a classifier whose weights are the middle of each label's texts, which takes no training (Rocchio)."""
    having = Counter(name for vector in vectors for name in vector)
    rarities = Rarities(len(vectors), having)
    known = sorted(set(labels))
    sums: dict[str, list[float]] = {name: [0.0] * len(known) for name in having}
    for vector, label in zip(vectors, labels, strict=True):
        column = known.index(label)
        for name, x in rarities.scaled(vector).items():
            sums[name][column] += x
    lengths = [math.sqrt(math.fsum(x * x for x in column)) for column in zip(*sums.values(), strict=True)]
    weights = {name: tuple(x / n for x, n in zip(row, lengths, strict=True)) for name, row in sums.items()}
    return Regression(tuple(known), (0.0,) * len(known), weights, len(vectors), having)
