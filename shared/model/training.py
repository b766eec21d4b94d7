"""Labelled texts in, a `Regression` out: dual coordinate ascent, in plain Python and without a learning rate. Pure.

The algorithm is that of Yu, Huang and Lin 2011, "Dual coordinate descent methods for logistic regression and maximum
entropy models", one step along the residual for each text. It goes to the one optimum, always by the same way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter, mul
from typing import Any

from shared.model.regression import Rarities, Regression, Vector, softmax

COST = 30.0  # of a misjudged text, against the length of the weights (the C of liblinear)
EPOCHS = 6
SHARPNESS = 1.7  # a heavily regularised model of a few texts is too modest by this; one of many, by less
BIAS = 0.3  # the constant feature that every text has
GRAIN = 64  # weights are whole multiples of 1 / GRAIN, whether they were learnt here or read from a file
_STILL = 1e-2  # of a residual, what is no more worth learning

Row = tuple[Sequence[int], Sequence[float]]


def fit(vectors: Sequence[Vector], labels: Sequence[str], sharpness: float = SHARPNESS) -> Regression:
    """Return the regression for texts' features and their labels, two labels or more: same input, same weights."""
    places: dict[str, list[int]] = {}
    for i, vector in enumerate(vectors):
        for name in vector:
            places.setdefault(name, []).append(i)
    having = {name: len(where) for name, where in places.items()}
    texts = list(map(Rarities(len(vectors), having).scaled, vectors))
    columns = _columns(places, vectors)
    known = sorted(set(labels))
    weights = _ascend(_rows(texts, columns, places), [known.index(label) for label in labels], len(known))
    *by_column, bias = zip(*weights, strict=True)
    by_name: dict[str, tuple[float, ...]] = {}
    for names, row in zip(columns, by_column, strict=True):
        first = texts[places[names[0]][0]]
        length = _length(first, names)
        for name in names:
            by_name[name] = _grained(row, sharpness * first[name] / length)
    return Regression(tuple(known), _grained(bias, sharpness * BIAS), by_name, len(vectors), having)


def _grained(weights: Sequence[float], share: float) -> tuple[float, ...]:
    factor = share * GRAIN
    return tuple([round(factor * weight) / GRAIN for weight in weights])


def _columns(places: Mapping[str, list[int]], vectors: Sequence[Vector]) -> list[list[str]]:
    """Group the features that always come together in the same measure, as most do: each group learns as one."""
    groups: dict[Any, list[str]] = {}
    for name, where in places.items():
        key = where[0] if len(where) == 1 else (*where, *(vectors[i][name] for i in where))
        groups.setdefault(key, []).append(name)
    return list(groups.values())


def _rows(texts: Sequence[Vector], columns: Sequence[list[str]], places: Mapping[str, list[int]]) -> list[Row]:
    rows: list[tuple[list[int], list[float]]] = [([], []) for _ in texts]
    for column, names in enumerate(columns):
        for i in places[names[0]]:
            rows[i][0].append(column)
            rows[i][1].append(_length(texts[i], names))
    for numbers, values in rows:
        numbers.append(len(columns))
        values.append(BIAS)
    return list(rows)


def _length(text: Vector, names: Sequence[str]) -> float:
    if len(names) == 1:
        return text[names[0]]
    values = [text[name] for name in names]
    return math.sqrt(math.fsum(map(mul, values, values)))


@dataclass(slots=True)
class _Text:
    """One text while it is learnt from; `pull` is its dual variable: how far it draws each label's weights."""

    numbers: Sequence[int]
    values: Sequence[float]
    target: int
    cost: float
    pull: list[float]
    pick: Callable[[Sequence[float]], Sequence[float]]
    curvature: float


def _ascend(rows: Sequence[Row], targets: Sequence[int], labels: int) -> list[list[float]]:
    """Return the weights, one list per label."""
    sizes = Counter(targets)
    weights = [[0.0] * (1 + max(numbers[-1] for numbers, _ in rows)) for _ in range(labels)]
    texts = []
    for (numbers, values), target in zip(rows, targets, strict=True):
        # A label of three examples must be heard beside one of a hundred.
        cost = COST * math.sqrt(len(targets) / labels / sizes[target])
        curvature = cost * math.fsum(map(mul, values, values))
        # One number would come without its tuple; every text has the constant and is given it twice, once as nothing.
        pick = itemgetter(*numbers, numbers[-1])
        texts.append(_Text(numbers, (*values, 0.0), target, cost, [0.0] * labels, pick, curvature))
    for epoch in range(EPOCHS):
        # A fixed shuffle: the same weights in every process.
        for i in sorted(range(len(texts)), key=lambda i: (i * 7919 + epoch * 104729) % 99991):
            _learn(texts[i], weights)
    return weights


def _learn(text: _Text, weights: list[list[float]]) -> None:
    logits = [math.fsum(map(mul, text.pick(row), text.values)) for row in weights]
    residual = [-p - a for p, a in zip(softmax(logits), text.pull, strict=True)]
    residual[text.target] += 1
    if math.fsum(map(mul, residual, residual)) < _STILL**2:
        return
    step = _step(text, logits, residual)
    for label, r in enumerate(residual):
        if abs(change := step * r) < _STILL / 2:
            continue
        text.pull[label] += change
        change *= text.cost
        row = weights[label]
        for number, x in zip(text.numbers, text.values, strict=False):
            row[number] += change * x


def _step(text: _Text, logits: Sequence[float], residual: Sequence[float]) -> float:
    """Return how far to go along the residual, (0, 1], until what is left of it no more points there."""
    size = math.fsum(map(mul, residual, residual))
    fixed = residual[text.target] - math.fsum(map(mul, residual, text.pull))

    def left(step: float) -> float:
        moved = softmax([z + step * text.curvature * r for z, r in zip(logits, residual, strict=True)])
        return fixed - step * size - math.fsum(map(mul, residual, moved))

    low, at_low, high, at_high = 0.0, size, 1.0, left(1.0)
    if at_high >= 0:
        return 1.0
    for _ in range(5):  # by interpolation, but never a crawl: a tenth of the rest at least
        step = low + (high - low) * max(at_low / (at_low - at_high), 0.1)
        at_step = left(step)
        if abs(at_step) < 0.1 * size:
            break
        if at_step > 0:
            low, at_low = step, at_step
        else:
            high, at_high = step, at_step
    return step
