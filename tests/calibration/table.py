"""Real tickets as decisions: what each of them asks for, and what the local classifier said of it in three ways.

`python -m tests.calibration.table TICKETS INTENTS EXAMPLES` writes the table anew, from the tickets that
tests/data/README.md names.
"""

from __future__ import annotations

import csv
import sys
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from infra.calibrate.crossfit import out_of_sample
from infra.evaluate import declared, tickets
from shared.event.payload import View
from shared.model.local import LocalClassifier
from shared.model.teaching import Lesson, train
from shared.task.schemas import UNCLASSIFIED

PATH = Path(__file__).resolve().parents[1] / "data" / "decisions.csv"
COLUMNS = ("ticket", "asks", "few", "few_confidence", "taught", "taught_confidence", "heart", "heart_confidence")


class Said(NamedTuple):
    """An intent, or unclassified, and how sure the classifier was."""

    intent: str
    confidence: float


class Row(NamedTuple):
    """A ticket: what it asks for, and what was said by a classifier that knows ten examples of each intent (`few`),
    that learnt from the decisions about other tickets besides (`taught`), and about this one as well (`by_heart`)."""

    ticket: str
    asks: str
    few: Said
    taught: Said
    by_heart: Said


@cache
def rows() -> tuple[Row, ...]:
    """Return the table."""
    with PATH.open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert tuple(found[0]) == COLUMNS
    return tuple(Row(row[0], row[1], *(Said(row[n], float(row[n + 1])) for n in (2, 4, 6))) for row in found[1:])


def write(paths: tuple[Path, Path, Path]) -> None:
    """Ask about every ticket in the three ways, which takes a minute, and write the table."""
    found, registry = tickets.read(paths[0]), declared.intent_alone(declared.read(*paths[1:]))
    lessons = [(t.text, t.intent if t.intent in registry else UNCLASSIFIED) for t in found]

    def teach(known: list[Lesson]) -> LocalClassifier:
        return LocalClassifier(registry, train(registry, known))

    def ask(classifier: LocalClassifier, text: str) -> tuple[str, float]:
        intent, confidence = classifier.judge(View({"/text": text}, {}), registry)
        return intent, round(confidence, 3)

    few, by_heart = teach([]), teach(lessons)
    taught = out_of_sample(lessons, lambda known: partial(ask, teach(known)))
    with PATH.open("w", encoding="utf-8", newline="") as file:
        made = csv.writer(file, lineterminator="\n")
        made.writerow(COLUMNS)
        for ticket, (text, asks), said in zip(found, lessons, taught, strict=True):
            made.writerow((ticket.id, asks, *ask(few, text), *said, *ask(by_heart, text)))


if __name__ == "__main__":
    tickets_path, intents_path, examples_path = map(Path, sys.argv[1:])
    write((tickets_path, intents_path, examples_path))
