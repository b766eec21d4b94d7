"""Labelled texts in, each as a classifier answers it that learnt from the others out. Pure, but for the time it takes.

Whoever is asked about what they learnt by heart is always sure and always right, which proves nothing of the next
ticket. So the texts are parted, and each part is answered by what learnt from the other parts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from infra.evaluate.report import bare
from infra.evaluate.statistics import part_for
from shared.model.teaching import Lesson

PARTS = 5

Said = TypeVar("Said")
Asks = Callable[[str], Said]
Teaches = Callable[[list[Lesson]], Asks[Said]]


def out_of_sample(
    lessons: Sequence[Lesson], teach: Teaches[Said], tell: Callable[[int], None] = lambda done: None
) -> list[Said]:
    """Return what is said of each lesson's text, in their order; `tell` hears how many of PARTS are done.

    `teach` returns whom to ask after lessons; it is called once for each part.
    """
    parts = [part_of(text) for text, _ in lessons]
    said: dict[str, Said] = {}
    for part in range(PARTS):
        asks = teach([lesson for lesson, its in zip(lessons, parts, strict=True) if its != part])
        mine = {text for (text, _), its in zip(lessons, parts, strict=True) if its == part}
        said |= {text: asks(text) for text in mine}
        tell(part + 1)
    return [said[text] for text, _ in lessons]


def part_of(text: str) -> int:
    """Return which part a text is in, from 0 on: the same for every copy of it, or the others would give it away."""
    return part_for(bare(text), PARTS)
