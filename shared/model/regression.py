"""Softmax regression on words and character n-grams, in plain Python: labelled texts in, probabilities out. Pure.

A few hundred short texts train in a fraction of a second, always to the same weights. Vectors are sparse dicts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

EPOCHS = 8
RATE = 0.5
L2 = 1e-4
SCALE = 4.0  # length of the vector of a text of known features only

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NAME_OF_A_THING = re.compile(r"[0-9@]|://")

Vector = dict[str, float]


def features(text: str) -> Vector:
    """Return damped counts of words, word pairs and the words' character 3- to 5-grams.

    Parts with digits, e-mail addresses and links are left out: they say which and whose, never what is wanted.
    """
    said = " ".join(part for part in text.lower().split() if not _NAME_OF_A_THING.search(part))
    words = _WORD.findall(said)
    counts = Counter(words)
    counts.update(f"{first} {second}" for first, second in pairwise(words))
    for word in set(words):
        padded = f"_{word}_"
        counts.update(f"{padded[i : i + n]}~" for n in (3, 4, 5) for i in range(len(padded) - n + 1))
    return {name: 1 + math.log(count) for name, count in counts.items()}


class Regression:
    """One row of weights per feature, one column per label."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        self.labels = sorted(set(labels))
        vectors = [features(text) for text in texts]
        seen = Counter(name for vector in vectors for name in vector)
        self._rarity = {name: math.log((1 + len(texts)) / (1 + count)) + 1 for name, count in seen.items()}
        self._unknown = math.log(1 + len(texts)) + 1
        self._weights = {name: [0.0] * len(self.labels) for name in seen}
        self._bias = [0.0] * len(self.labels)
        self._train([self._scaled(vector) for vector in vectors], [self.labels.index(label) for label in labels])

    def probabilities(self, text: str) -> dict[str, float]:
        """Return the probability of every label, summing to 1."""
        return dict(zip(self.labels, self._softmax(self._scaled(features(text))), strict=True))

    def _scaled(self, vector: Vector) -> Vector:
        """Keep what training saw. The rest still counts for the length, so an unfamiliar text has little to say."""
        weighted = {name: x * self._rarity.get(name, self._unknown) for name, x in vector.items()}
        length = math.sqrt(sum(x * x for x in weighted.values())) or 1.0
        return {name: SCALE * x / length for name, x in weighted.items() if name in self._rarity}

    def _train(self, vectors: Sequence[Vector], targets: Sequence[int]) -> None:
        sizes = Counter(targets)
        # A label of three examples must be heard beside one of a hundred.
        shares = [math.sqrt(len(targets) / len(sizes) / sizes[k]) for k in range(len(sizes))]
        for epoch in range(EPOCHS):
            rate = RATE / (1 + 0.3 * epoch)
            # A fixed shuffle: the same weights in every process.
            for i in sorted(range(len(targets)), key=lambda i: (i * 7919 + epoch * 104729) % 99991):
                self._step(vectors[i], targets[i], rate * shares[targets[i]])

    def _step(self, vector: Vector, target: int, rate: float) -> None:
        errors = self._softmax(vector)
        errors[target] -= 1
        gradient = [rate * error for error in errors]
        keep = 1 - rate * L2
        for name, x in vector.items():
            self._weights[name] = [w * keep - x * g for w, g in zip(self._weights[name], gradient, strict=True)]
        self._bias = [b - 0.1 * g for b, g in zip(self._bias, gradient, strict=True)]

    def _softmax(self, vector: Vector) -> list[float]:
        logits = list(self._bias)
        for name, x in vector.items():
            for k, weight in enumerate(self._weights[name]):
                logits[k] += x * weight
        top = max(logits)
        powers = [math.exp(logit - top) for logit in logits]
        total = sum(powers)
        return [power / total for power in powers]
