"""What the terminal shows: figures as people read them, and strangers' words without their tricks."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from infra.cost.bill import load
from infra.evaluate import screen
from infra.evaluate.against import compare
from infra.evaluate.certified import automatic
from infra.evaluate.report import measure
from infra.evaluate.statistics import Share
from tests.unit.infra.evaluate.verdicts import NONE, REFUND, STATUS, THREE, ticket, verdict


def shown(*parts: RenderableType, notes: tuple[str, ...] = ()) -> str:
    out = io.StringIO()
    screen.show(Console(file=out, width=120), "head", parts, notes)
    return out.getvalue()


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (Share(189, 204), ".926 (.88-.96)"),
        (Share(0, 10), ".000 (0-.28)"),
        (Share(10, 10), "1.000 (.72-1)"),
        (Share(1654, 1655), ".999 (.99-1)"),
        (Share(0, 0), "-"),
    ],
)
def test_a_share_has_an_interval_that_holds_it(of: Share, text: str) -> None:
    assert screen.with_interval(of) == text


def test_words_of_a_ticket_move_no_cursor_and_are_no_markup() -> None:
    tricky = ticket(1, text="[bold red]pay[/] \x1b[2J me [/nothing]")
    here, there = (replace(verdict(1, REFUND, said, 0.9), ticket=tricky) for said in (REFUND, NONE))
    text = shown(screen.comparison(compare([here], [there], (0.8, 0.8)), ("a", "[b]"), 5))
    assert "[bold red]pay[/] <U+001B>[2J me [/nothing]" in text
    assert "there: [b]" in text
    assert "\x1b" not in text


def test_a_threshold_that_is_not_proven_says_what_is_lacking() -> None:
    few = [verdict(n, REFUND, REFUND, 0.96) for n in range(30)]
    wrong = [verdict(n, STATUS, REFUND, 0.96) for n in range(30, 130)]
    report = measure(few, THREE, 0.8, load())
    assert "none: 30 tickets from 0.4 on, it takes 93" in shown(*screen.tables(report, report, automatic(few)))
    assert "none: 30 right of 130 from 0.95 on" in shown(*screen.tables(report, report, automatic(few + wrong)))


def test_what_flatters_or_darkens_the_figures_is_noted() -> None:
    made = measure(
        [
            verdict(1, NONE, NONE, 0.0, label="lock_card"),
            verdict(2, REFUND, REFUND, 0.9, can_run=False),
            verdict(3, REFUND, NONE, 0.0, can_run=False, failure="safety_block"),
            replace(verdict(4, REFUND, REFUND, 0.9), ticket=ticket(4, text=THREE[REFUND].examples[0].upper())),
        ],
        THREE,
        0.8,
        load(),
    )
    notes = "\n".join(screen.notes(made))
    for words in (
        "lock_card 1",
        "safety_block 1",
        "1 tickets are examples or near misses",
        "1 tickets name an intent whose answer",
    ):
        assert words in notes
    assert screen.notes(measure([verdict(1, REFUND, REFUND, 0.9)], THREE, 0.8, load())) == []
