"""The report's arithmetic, against numbers that were worked out by hand; and the cells of its table."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from functions.console.figures import ANSWER, CACHED, PRICED_AS, QUESTION, Pace, Report, Verdicts, rank, report
from functions.console.spreadsheet import harmless, table
from infra.cost.bill import load

UNTIL = datetime(2026, 1, 8, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=3)
WAITS = "AWAITING_APPROVAL"


def task(state: str, *arrows: tuple[float, str, str], at_h: float = 0, **more: Any) -> dict[str, Any]:
    """Return what the report reads of a task that came in `at_h` hours after the span began; arrows in minutes."""
    came = SINCE + timedelta(hours=at_h)
    said = {"tokens_used": 0, "input_tokens": 0, "cached_tokens": 0, "from_cache": False} | more.pop("said", {})
    history = [{"at": came + timedelta(minutes=m), "from": before, "to": after} for m, before, after in arrows]
    known = {"intent": "refund", "source": "zendesk", "approval": None, "created_at": came, "state": state}
    return known | {"classification": said, "history": history} | more


def label(by: str, verdict: str, after_min: float, *, at_h: float = 0, said: str = "refund", drawn: str = "") -> Any:
    at = SINCE + timedelta(hours=at_h, minutes=after_min)
    return {"at": at, "by": by, "verdict": verdict, "said": said, "drawn": drawn}


def asked(minutes: float, *, at_h: float = 0, state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    """Return a task that was asked about when it came in and decided so many minutes later."""
    to = "REJECTED" if state == "REJECTED" else "READY"
    return task(state, (0, "NEW", WAITS), (minutes, WAITS, to), at_h=at_h, approval={"by": "x"}, **more)


def made(tasks: dict[str, Any], labels: dict[str, Any], before: dict[str, Any] | None = None) -> Report:
    return report(list(tasks.values()), labels, tasks | (before or {}), since=SINCE, until=UNTIL)


def test_every_ticket_is_in_one_column_and_the_columns_add_up() -> None:
    states = ("SUCCEEDED", "READY", "EXECUTING", WAITS, "FAILED", "UNKNOWN", "REJECTED", "EXPIRED", "CANCELLED")
    tasks = {state: task(state) for state in states} | {"let": asked(5)}
    total = made(tasks, {}).total
    counts = total.model_dump(exclude={"name", "tickets", "tokens", "dollars"})
    assert counts == {
        "alone": 1,
        "approved": 1,
        "rejected": 1,
        "waiting": 1,
        "under_way": 2,
        "failed": 2,
        "expired": 1,
        "cancelled": 1,
    }
    assert total.tickets == sum(counts.values()) == 10


def test_tickets_are_counted_by_day_intent_and_source_the_most_first() -> None:
    tasks = {
        "a": task("SUCCEEDED", at_h=1, intent="status", source="slack"),
        "b": task("SUCCEEDED", at_h=25),
        "c": task("FAILED", at_h=47.9),
        "d": task("READY", at_h=72),  # of just now
    }
    found = made(tasks, {})
    assert found.by_day == [1, 2, 1]
    assert [(t.name, t.tickets, t.alone, t.failed) for t in found.intents] == [("refund", 3, 1, 1), ("status", 1, 1, 0)]
    assert [(t.name, t.tickets) for t in found.sources] == [("zendesk", 3), ("slack", 1)]


def test_waiting_is_from_the_last_time_that_a_task_asked_to_the_decision() -> None:
    twice = task(
        "SUCCEEDED",
        (0, "NEW", WAITS),
        (10, WAITS, "READY"),
        (12, "READY", WAITS),  # it was taken back
        (14, WAITS, WAITS),  # and edited, which asks nobody anew
        (20, WAITS, "READY"),
        approval={"by": "ada"},
    )
    run_again = task("SUCCEEDED", (0, "NEW", "READY"), (3, "READY", "FAILED"), (30, "FAILED", "READY"), approval={})
    labels = {"twice": label("ada", "right", 20), "run_again": label("ada", "right", 30)}
    found = made({"twice": twice, "run_again": run_again}, labels)
    assert found.people == [Pace(by="ada", decisions=2, audits=0, median_s=480.0, p90_s=480.0)]


def test_people_stand_by_their_decisions_with_the_times_that_half_and_nine_in_ten_had_waited() -> None:
    minutes = {"t1": 1, "t2": 2, "t3": 3, "t4": 40, "t5": 6}
    tasks = {name: asked(m) for name, m in minutes.items()}
    labels = {name: label("bo" if name == "t5" else "ada", "right", m) for name, m in minutes.items()}
    labels["ran"] = label("bo", "right", 9, drawn="audit")
    labels["gone"] = label("bo", "right", 9)  # its task is removed: nobody knows for how long it had waited
    found = made(tasks, labels)
    assert found.people == [
        Pace(by="ada", decisions=4, audits=0, median_s=120.0, p90_s=2400.0),
        Pace(by="bo", decisions=2, audits=1, median_s=360.0, p90_s=360.0),
    ]
    assert found.decisions == Pace(by="", decisions=6, audits=1, median_s=180.0, p90_s=2400.0)


def test_decision_on_an_earlier_ticket_counts_and_one_that_was_taken_back_does_not() -> None:
    earlier = asked(60 * 30, at_h=-24, state="REJECTED")
    back = task(WAITS, (0, "NEW", WAITS), (5, WAITS, "READY"), (6, "READY", WAITS))
    labels = {"earlier": label("ada", "not_wanted", 60 * 6), "back": label("ada", "right", 5)}
    found = made({"back": back}, labels, {"earlier": earlier})
    assert found.total.tickets == 1
    assert found.decisions == Pace(by="", decisions=1, audits=0, median_s=108_000.0, p90_s=108_000.0)
    assert found.verdicts == [Verdicts(intent="refund", not_wanted=1)]


def test_corrections_are_those_of_the_intent_that_was_suggested() -> None:
    said = [("refund", "right"), ("refund", "corrected"), ("refund", "corrected"), ("status", "relabelled")]
    labels = {str(n): label("ada", verdict, n, said=intent) for n, (intent, verdict) in enumerate(said)}
    assert made({}, labels).verdicts == [
        Verdicts(intent="refund", right=1, corrected=2),
        Verdicts(intent="status", relabelled=1),
    ]


def test_tokens_cost_by_what_they_were_and_an_answer_said_again_costs_nothing() -> None:
    parted = {"tokens_used": 1_200_000, "input_tokens": 1_000_000, "cached_tokens": 400_000}
    tasks = {
        "a": task("SUCCEEDED", said=parted),
        "b": task("SUCCEEDED", said=parted | {"from_cache": True}),
        "c": task("SUCCEEDED", said={"tokens_used": 1_000_000}, intent="status"),
    }
    found = made(tasks, {})
    assert [(t.name, t.tokens) for t in found.intents] == [("refund", 1_200_000), ("status", 1_000_000)]
    # 600,000 at 0.30, 400,000 at 0.03, 200,000 at 2.50; and 1,000,000 at 2.50
    assert [t.dollars for t in found.intents] == pytest.approx([0.18 + 0.012 + 0.50, 2.50])
    assert [found.total.tokens, found.total.dollars] == pytest.approx([2_200_000, 3.192])


def test_prices_are_those_of_the_price_list() -> None:
    prices = load().by_unit
    per_token = [prices[f"model {kind} tokens"].of(1_000_000) for kind in ("input", "cached", "output")]
    assert per_token == pytest.approx([QUESTION, CACHED, ANSWER])
    assert PRICED_AS in prices["model input tokens"].source


@pytest.mark.parametrize(("share", "of_ten", "of_one"), [(0.5, 5, 7), (0.9, 9, 7), (1.0, 10, 7), (0.01, 1, 7)])
def test_rank_is_the_nearest_one(share: float, of_ten: float, of_one: float) -> None:
    assert rank([10, 3, 1, 2, 9, 4, 8, 5, 7, 6], share) == of_ten
    assert rank([7], share) == of_one
    assert rank([], share) is None


def test_no_cell_is_a_formula() -> None:
    for begin in ("=", "+", "-", "@", "\t", "\r", "\n", "＝"):
        assert harmless(f"{begin}cmd|'/c calc'!A1") == f"'{begin}cmd|'/c calc'!A1"
    assert [harmless(cell) for cell in ("ada@example.com", -1, 0.5, None, "")] == ["ada@example.com", -1, 0.5, None, ""]


def test_table_has_every_number_on_a_line_of_its_own() -> None:
    hostile = '=HYPERLINK("http://x","y")'
    found = made({"t": asked(2)}, {"t": label(hostile, "corrected", 2)})
    lines = list(csv.reader(StringIO(table(found))))
    assert lines[0] == ["about", "name", "figure", "value"]
    assert {len(line) for line in lines} == {4}
    for line in (
        ["tickets", "", "approved", "1"],
        ["intent", "refund", "tickets", "1"],
        ["person", f"'{hostile}", "median_s", "120.0"],
        ["verdict", "refund", "corrected", "1"],
        ["day", "1", "tickets", "1"],
    ):
        assert line in lines
