"""The automatic share: proven on one part of the tickets, measured on another."""

from __future__ import annotations

from dataclasses import replace

from infra.evaluate.certified import automatic, part_of
from infra.evaluate.route import Verdict
from infra.evaluate.statistics import Share
from tests.unit.infra.evaluate.verdicts import NONE, REFUND, verdict


def sure(count: int, *, first: int = 0, gold: str = REFUND, confidence: float = 0.96) -> list[Verdict]:
    return [verdict(n, gold, REFUND, confidence) for n in range(first, first + count)]


def test_what_the_others_prove_is_measured_on_eachpart_of() -> None:
    found = automatic(sure(1200) + sure(300, first=1200, gold=NONE, confidence=0.3))
    assert [entry.fewest for entry in found] == [93, 236, 473]
    assert [entry.thresholds for entry in found] == [(0.4,) * 5] * 3
    assert all((entry.acted, entry.right) == (Share(1200, 1500), Share(1200, 1200)) for entry in found)


def test_a_part_that_is_wrong_is_acted_on_for_what_the_others_prove() -> None:
    """All the errors are in one part: the others prove nothing too strict for it, and it shows."""
    whole = sure(1000)
    one = {v.ticket.id for v in whole if part_of(v) == 0}
    spoilt = [replace(v, gold=NONE) if v.ticket.id in one else v for v in whole]
    (first, *_) = automatic(spoilt)
    assert first.thresholds == (0.4, None, None, None, None)
    assert (first.acted.count, first.right.count) == (len(one), 0)


def test_too_few_tickets_prove_nothing_and_say_how_many_there_were() -> None:
    (first, *_) = automatic(sure(60))
    assert (first.proven, first.acted, first.right) == (None, Share(0, 60), Share(0, 0))
    assert first.last.counted == 60


def test_a_share_is_never_measured_on_the_tickets_that_chose_its_threshold() -> None:
    """All tickets prove 95%; without any of the parts they are too few, so nothing is claimed to have been measured."""
    (first, *_) = automatic(sure(100))
    assert first.proven is not None
    assert (first.thresholds, first.acted.count) == ((None,) * 5, 0)


def test_errors_below_the_threshold_do_not_count_against_it() -> None:
    (first, *_) = automatic(sure(400) + sure(200, first=400, gold=NONE, confidence=0.7))
    assert first.proven is not None
    assert first.proven.threshold == 0.75
    assert first.right == Share(400, 400)


def test_an_answer_that_could_not_run_is_never_automatic() -> None:
    unreadable = [verdict(n, REFUND, REFUND, 0.96, can_run=False) for n in range(400)]
    assert automatic(unreadable)[0].acted == Share(0, 400)
