"""The figures of a report, against tickets that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.cost.bill import load
from infra.evaluate.report import Outside, Report, measure
from infra.evaluate.route import Verdict
from infra.evaluate.statistics import Share
from shared.model.question import Answer
from tests.shipped import shipped
from tests.unit.infra.evaluate.verdicts import NONE, REFUND, RESET, STATUS, THREE, ticket, verdict

PRICES = load()
SAID = '{"intent": "x", "parameters": {}, "confidence": 1}--'  # 52 characters, which count as 13 tokens


def measured(*verdicts: Verdict, threshold: float = 0.8) -> Report:
    return measure(verdicts, THREE, threshold, PRICES)


EIGHT = (
    verdict(1, REFUND, REFUND, 0.9),
    verdict(2, REFUND, STATUS, 0.85),
    verdict(3, STATUS, STATUS, 0.8),
    verdict(4, RESET, NONE, 0.0),
    verdict(5, RESET, RESET, 0.99, can_run=False),
    verdict(6, NONE, NONE, 0.95, kind="near"),
    verdict(7, NONE, STATUS, 0.6, kind="near"),
    verdict(8, NONE, REFUND, 0.9, kind="far"),
)


def test_accuracy_is_of_the_intent_and_acting_is_of_threshold_and_reading() -> None:
    made = measured(*EIGHT)
    assert made.in_scope == Share(5, 8)
    assert made.found == Share(3, 5)  # also the one whose answer could not run
    assert made.acted == Share(4, 8)
    assert made.right == Share(2, 4)
    assert made.cannot_run == 1


def test_each_intent_has_its_recall_and_its_precision() -> None:
    of = measured(*EIGHT).intents
    assert {name: (i.found, i.acted, i.right) for name, i in of.items()} == {
        STATUS: (Share(1, 1), 2, Share(1, 2)),
        RESET: (Share(1, 2), 0, Share(0, 0)),
        REFUND: (Share(1, 2), 2, Share(1, 2)),
    }


def test_out_of_scope_is_told_by_kind() -> None:
    assert measured(*EIGHT).outside == {
        "near": Outside(named_none=Share(1, 2), left=Share(2, 2)),
        "far": Outside(named_none=Share(0, 1), left=Share(0, 1)),
        "all": Outside(named_none=Share(1, 3), left=Share(2, 3)),
    }


def test_a_threshold_is_reached_by_what_equals_it() -> None:
    assert [measured(*EIGHT, threshold=t).acted.count for t in (0.6, 0.8, 0.81, 0.9, 0.91)] == [5, 4, 3, 2, 0]


def test_a_label_that_is_no_intent_is_out_of_scope_and_listed() -> None:
    made = measured(verdict(1, NONE, NONE, 0.0, label="lock_card"), verdict(2, NONE, NONE, 0.0, label="unclassified"))
    assert made.strange_labels == {"lock_card": 1}
    assert set(made.outside) == {"another intent", "not said", "all"}


def test_confidence_in_no_intent_says_nothing_about_being_right() -> None:
    made = measured(*EIGHT)
    # The right ones, at .9, .8 and .99, against the others, at .85, 0, 0, .6 and .9; then against those that are named.
    assert made.auroc_right == pytest.approx((4.5 + 3 + 5) / 15)
    assert made.auroc_right_named == pytest.approx((2.5 + 1 + 3) / 9)


def test_tokens_are_paid_for_as_prompt_and_answer() -> None:
    answers = [Answer(SAID, "gemini", tokens_used=913, latency_ms=ms) for ms in (100.0, 300.0)]
    made = measured(*(verdict(n, REFUND, REFUND, 0.9, answer=answer) for n, answer in enumerate(answers)))
    assert made.spent.tokens == 913_000
    assert made.spent.dollars == pytest.approx((900 * 0.30 + 13 * 2.50) / 1e6 * 1000)
    assert (made.spent.p50_ms, made.spent.p95_ms) == (100.0, 300.0)
    assert made.models == {"gemini": 2}


def test_a_failed_call_is_counted_and_names_none() -> None:
    made = measured(verdict(1, REFUND, NONE, 0.0, can_run=False, failure="safety_block"), EIGHT[0])
    assert (made.failures, made.found) == ({"safety_block": 1}, Share(1, 2))


def test_what_the_intents_teach_word_for_word_is_counted() -> None:
    taught = (shipped()[REFUND].examples[0], shipped()[REFUND].near_misses[0].upper() + "!", "something else")
    verdicts = [replace(verdict(n, REFUND, REFUND, 0.9), ticket=ticket(n, text=text)) for n, text in enumerate(taught)]
    assert measured(*verdicts).known_by_heart == 2


def test_the_gates_reasons_are_counted_once_a_ticket() -> None:
    paused = verdict(1, REFUND, REFUND, 0.9, reasons=("policy: risk", "provenance: a", "provenance: b"))
    made = measured(paused, EIGHT[0])
    assert made.reasons == {"policy": 1, "provenance": 1}
    assert (made.executed, made.executed_right) == (Share(1, 2), Share(1, 1))


def test_what_was_taken_for_what_adds_up_to_all_tickets() -> None:
    made = measured(*EIGHT)
    assert made.confusion[NONE] == {NONE: 1, STATUS: 1, REFUND: 1}
    assert sum(sum(row.values()) for row in made.confusion.values()) == len(EIGHT)
