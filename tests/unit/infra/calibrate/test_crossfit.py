"""Nobody is asked about what they learnt by heart."""

from __future__ import annotations

from collections.abc import Callable

from infra.calibrate.crossfit import PARTS, out_of_sample, part_of
from shared.model.teaching import Lesson

LESSONS = [(f"ticket {n}", "order_status" if n % 2 else "unclassified") for n in range(60)]


def test_each_text_is_answered_by_what_learnt_from_the_other_parts() -> None:
    taught: list[set[str]] = []
    done: list[int] = []

    def teach(lessons: list[Lesson]) -> Callable[[str], tuple[str, int]]:
        taught.append({text for text, _ in lessons})
        return lambda text: (text, len(taught) - 1)

    said = out_of_sample(LESSONS, teach, done.append)
    assert [text for text, _ in said] == [text for text, _ in LESSONS]
    for text, teacher in said:
        assert text not in taught[teacher]
        assert taught[teacher] == {other for other, _ in LESSONS if part_of(other) != part_of(text)}
    assert done == list(range(1, PARTS + 1))


def test_copies_of_a_text_are_in_one_part() -> None:
    assert part_of("Where is my order?") == part_of("  where IS my order ")
    assert len({part_of(text) for text, _ in LESSONS}) == PARTS
