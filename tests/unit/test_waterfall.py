"""Waterfalls as people look at them: a stretch of work at a time, and in a terminal of any width."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from functions.console.waterfall import SpanRow, Trace, stretches
from infra.ops.waterfall import draw

BEGAN = datetime(2030, 1, 7, 9, tzinfo=UTC)
A, B = "a" * 32, "b" * 32


def part(name: str, begin_ms: float, took_ms: float, below: SpanRow | None = None, **more: Any) -> SpanRow:
    told: dict[str, Any] = {"name": name, "span_id": f"{name}@{begin_ms}", "failed": False, "attributes": {}}
    told |= {"offset_ms": begin_ms, "duration_ms": took_ms, "links": []}
    told |= {"depth": below.depth + 1, "parent_id": below.span_id} if below else {"depth": 0, "parent_id": ""}
    return SpanRow(**(told | more))


def trace(trace_id: str, *spans: SpanRow) -> Trace:
    length = max(row.offset_ms + row.duration_ms for row in spans)
    return Trace(trace_id=trace_id, began_at=BEGAN, length_ms=length, waited_ms=None, spans=list(spans))


def told(found: list[Trace]) -> list[tuple[str, float | None, list[tuple[str, int, float]]]]:
    return [(t.trace_id, t.waited_ms, [(s.name, s.depth, s.offset_ms) for s in t.spans]) for t in found]


def retried() -> list[Trace]:
    """Return what a task leaves whose message is tried again after 10 s, and that the sweep sees to in between."""
    publish = part("publish", 0, 5)
    first, again = part("execute", 10, 20, publish, failed=True), part("execute", 10_000, 30, publish, links=[B])
    whole = trace(A, publish, first, part("commit", 12, 3, first), again, part("commit", 10_002, 3, again))
    return [whole, trace(B, part("sweep", 8_000, 4, links=[A]))]


def test_a_trace_is_cut_where_nothing_runs_and_the_rest_stands_in_its_order() -> None:
    assert told(stretches(retried())) == [
        (A, None, [("publish", 0, 0), ("execute", 1, 10), ("commit", 2, 12)]),
        (B, 7_970, [("sweep", 0, 0)]),
        (A, 1_996, [("execute", 0, 0), ("commit", 1, 2)]),
    ]
    assert [t.length_ms for t in stretches(retried())] == [30, 4, 30]


def test_a_trace_in_which_something_always_runs_is_whole() -> None:
    classify = part("classify", 0, 60_000)
    whole = trace(A, classify, part("generate_content", 100, 50), part("commit", 59_990, 5, classify))
    assert told(stretches([whole])) == told([whole])


def test_links_lead_to_what_is_shown_or_to_what_a_trace_goes_on_from() -> None:
    ask = part("ask together", 1, 2, part("classify", 0, 9), links=[A, "c" * 32])
    (shown,) = stretches([trace(A, part("console", 0, 9, links=["d" * 32]), ask)])
    assert [row.links for row in shown.spans] == [["d" * 32], []]


@pytest.mark.parametrize(
    ("failed", "attributes", "words"),
    [
        (False, {"switchyard.task.state": "SUCCEEDED", "switchyard.outcome": "succeeded"}, "SUCCEEDED"),
        (False, {"switchyard.task.state": "READY", "switchyard.outcome": "classified"}, "READY, classified"),
        (True, {"error.type": "provider_503", "server.address": "api.example.com"}, "provider_503, api.example.com"),
        (False, {"messaging.gcp_pubsub.message.delivery_attempt": "1", "switchyard.tokens_used": "0"}, ""),
        (
            False,
            {"messaging.gcp_pubsub.message.delivery_attempt": "3", "switchyard.tokens_used": "9"},
            "attempt 3, 9 tokens",
        ),
        (False, {"http.response.status_code": "202", "switchyard.task.id": "t1"}, ""),
        (False, {"switchyard.task.id": "t2", "switchyard.outcome": "accepted"}, "of task t2, accepted"),
        (False, {"http.response.status_code": "404", "switchyard.asked_together": "6"}, "6 tasks in one call, 404"),
    ],
)
def test_a_part_says_what_is_not_as_usual(failed: bool, attributes: dict[str, str], words: str) -> None:
    assert part("x", 0, 1, failed=failed, attributes=attributes).words("t1") == words


def drawn(width: int, *traces: Trace) -> list[str]:
    out = io.StringIO()
    found = [t.model_dump(mode="json") for t in traces]
    draw(Console(file=out, width=width, highlight=False), {"task_id": "t1", "traces": found, "cloud_traces": []})
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_however_wide_the_terminal_is_each_part_has_its_length_and_its_bar(width: int) -> None:
    deep = part("generate_content gemini-3.5-flash-lite", 1, 61_234.5, part("classify", 0, 61_300), depth=5)
    lines = drawn(width, trace(A, part("classify", 0, 61_300), deep, part("commit", 61_280, 7)))
    assert max(map(len, lines[1:])) <= width
    for line, length in zip(lines[2:], ("61300.0", "61234.5", "7.0"), strict=True):
        assert f" {length} " in line
        assert "━" in line
    assert lines[-1].index("━") > lines[-2].index("━")


def test_a_terminal_tells_what_failed_and_how_long_nothing_ran() -> None:
    text = "\n".join(drawn(80, *retried()))
    assert "8 s later" in text
    assert "failed" in text
    assert "goes on from trace aaaaaaaa" in text
