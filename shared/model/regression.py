"""What a text looks like to the local classifier, and what learnt weights make of it. Pure.

Text in, sparse features out; features in, one probability per label out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import mul

from shared.model.synonyms import GROUP_OF

GROUP = 3.0  # what a group of synonyms counts beside one word

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NAME_OF_A_THING = re.compile(r"[0-9@]|://")

Vector = dict[str, float]


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, as they come.

    Parts with digits, e-mail addresses and links are left out: they say which and whose, never what is wanted.
    """
    return _WORD.findall(" ".join(part for part in text.lower().split() if not _NAME_OF_A_THING.search(part)))


def features(text: str) -> Vector:
    """Return damped counts of words, word pairs and the words' character 3- to 5-grams, and the groups of synonyms."""
    words = words_of(text)
    counts = Counter(words)
    counts.update(f"{first} {second}" for first, second in pairwise(words))
    for word in set(words):
        padded = f"_{word}_"
        counts.update(f"{padded[i : i + n]}~" for n in (3, 4, 5) for i in range(len(padded) - n + 1))
    vector = {name: 1.0 if count == 1 else 1 + math.log(count) for name, count in counts.items()}
    return vector | {f"={GROUP_OF[word]}": GROUP for word in words if word in GROUP_OF}


class Rarities:
    """How much each feature says: its inverse document frequency among `texts` texts, of which `having` have it."""

    def __init__(self, texts: int, having: Mapping[str, int]) -> None:
        by_count = {count: math.log((1 + texts) / (1 + count)) + 1 for count in {0, *having.values()}}
        self.unknown = by_count[0]
        self._known = {name: by_count[count] for name, count in having.items()}

    def scaled(self, vector: Vector) -> Vector:
        """Return the features that training saw, weighted by rarity, of a text whose whole length is 1.

        What training did not see still counts for the length, so an unfamiliar text has little to say.
        """
        known = self._known
        weighted = {name: x * known.get(name, self.unknown) for name, x in vector.items()}
        length = math.sqrt(math.fsum(map(mul, weighted.values(), weighted.values()))) or 1.0
        return {name: x / length for name, x in weighted.items() if name in known}


def softmax(logits: Sequence[float]) -> list[float]:
    """Return probabilities in the proportions of exp(logits)."""
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    total = math.fsum(powers)
    return [power / total for power in powers]


@dataclass(frozen=True)
class Regression:
    """Learnt softmax regression: a weight per label for each feature, which `having` of `texts` texts had."""

    labels: tuple[str, ...]
    bias: tuple[float, ...]
    weights: Mapping[str, tuple[float, ...]]
    texts: int
    having: Mapping[str, int]

    @cached_property
    def rarities(self) -> Rarities:
        """What each feature counts."""
        return Rarities(self.texts, self.having)

    def probabilities(self, vector: Vector) -> dict[str, float]:
        """Return the probability of every label for a text's features, summing to 1."""
        seen = self.rarities.scaled(vector)
        logits: Sequence[float] = self.bias
        if seen:
            columns = zip(*map(self.weights.__getitem__, seen), strict=True)
            values = list(seen.values())
            # fsum rounds once, so every Python gives the same digits; sum does not since 3.12.
            logits = [b + math.fsum(map(mul, column, values)) for b, column in zip(self.bias, columns, strict=True)]
        return dict(zip(self.labels, softmax(logits), strict=True))
