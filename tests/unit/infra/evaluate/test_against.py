"""Two settings over the same tickets."""

from __future__ import annotations

from infra.evaluate.against import compare
from infra.evaluate.statistics import mcnemar
from tests.unit.infra.evaluate.verdicts import NONE, REFUND, STATUS, verdict

HERE = [
    verdict(1, REFUND, REFUND, 0.9),
    verdict(2, REFUND, REFUND, 0.7, reasons=("low_confidence: x",)),
    verdict(3, NONE, REFUND, 0.9, reasons=("policy: x",)),
    verdict(4, NONE, NONE, 0.0, reasons=("out_of_scope: x",)),
    verdict(5, STATUS, REFUND, 0.6, reasons=("low_confidence: x",)),
]
THERE = [
    verdict(1, REFUND, REFUND, 0.95),
    verdict(2, REFUND, NONE, 0.0, reasons=("out_of_scope: x",)),
    verdict(3, NONE, NONE, 0.3, reasons=("out_of_scope: x",)),
    verdict(4, NONE, STATUS, 0.9),
    verdict(5, STATUS, NONE, 0.0, reasons=("out_of_scope: x",)),
]


def test_each_ticket_is_right_with_both_with_one_or_with_none() -> None:
    made = compare(HERE, THERE, (0.8, 0.8))
    assert (made.both, made.only_here, made.only_there, made.neither) == (1, 2, 1, 1)
    assert made.p == mcnemar(2, 1)
    assert made.wrongly_acted == (1, 1)


def test_what_would_have_been_executed_comes_first_then_what_was_acted_on() -> None:
    flips = compare(HERE, THERE, (0.8, 0.8)).flips
    assert [flip.here.ticket.id for flip in flips] == ["t4", "t3", "t2", "t5"]
    assert [(flip.acts, flip.executes) for flip in flips[:2]] == [
        ((False, True), (False, True)),
        ((True, False), (False, False)),
    ]
    assert [flip.is_better_here for flip in flips] == [True, False, True, None]


def test_each_setting_acts_at_its_own_threshold() -> None:
    (flip,) = compare(HERE[:1], THERE[:1], (0.91, 0.8)).flips
    assert flip.acts == (False, True)
    (flip,) = compare(HERE[:1], THERE[:1], (0.8, 0.96)).flips
    assert flip.acts == (True, False)
    assert compare(HERE[:1], THERE[:1], (0.8, 0.8)).flips == []
