"""The traces of a task, as the console tells them, in; a waterfall for a terminal out."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from functions.console.present import span
from functions.console.waterfall import SpanRow, Trace, stretches
from infra.ops.show import plain

# In columns of the terminal. Whoever looks for where the time went wants its length first: it is never cut.
MAX_PART, MAX_BAR, MIN_BAR, WORDS = 44, 36, 8, 26
NOTHING = (
    "nothing of it was traced on this machine; `make run TRACING=local` traces what comes in from then on, and a trace "
    "is there a moment after its work"
)


def draw(console: Console, found: dict[str, Any]) -> None:
    """Print one waterfall per trace, with what people were waited for between them."""
    traces = stretches(Trace.model_validate_json(json.dumps(trace)) for trace in found["traces"])
    for link in found["cloud_traces"]:
        console.print(Text(plain(link)), soft_wrap=True)
    if not found["cloud_traces"] and not traces:
        console.print(NOTHING)
    for trace in traces:
        if trace.waited_ms is not None:
            console.print(f"\n{span(trace.waited_ms / 1000)} later" if trace.waited_ms else "\nmeanwhile", style="bold")
        console.print(Text(f"trace {plain(trace.trace_id)}, {trace.began_at:%Y-%m-%d %H:%M:%S} UTC"), soft_wrap=True)
        console.print(_table(trace, found["task_id"], console.width))


def _table(trace: Trace, task_id: str, width: int) -> Table:
    lengths = [f"{row.duration_ms:.1f}" for row in trace.spans]
    took = max(map(len, lengths))
    longest = max(len(plain(row.name)) + 2 * row.depth for row in trace.spans)
    part = min(longest, MAX_PART, max(width * 2 // 5, 12))
    bar = max(MIN_BAR, min(MAX_BAR, width - part - took - WORDS - 3))
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column("part", no_wrap=True, width=part)
    made.add_column("ms", no_wrap=True, width=took, justify="right")
    made.add_column("when", no_wrap=True, width=bar)
    made.add_column("", no_wrap=True, max_width=max(1, width - part - took - bar - 3))
    for row, length in zip(trace.spans, lengths, strict=True):
        style = "red" if row.failed else ""
        goes_on = [f"goes on from trace {link[:8]}" for link in row.links]
        words = ", ".join(filter(None, ["failed" if row.failed else "", row.words(task_id), *goes_on]))
        made.add_row(
            Text(plain("  " * row.depth + row.name), style),
            length,
            Text(_bar(row, trace.length_ms, bar), style or "cyan"),
            Text(plain(words), style),
        )
    return made


def _bar(row: SpanRow, length_ms: float, chars: int) -> str:
    """Return a bar where the span was in its trace; the shortest is one character."""
    scale = chars / length_ms if length_ms > 0 else 0
    begin = min(chars - 1, max(0, round(row.offset_ms * scale)))
    wide = max(1, min(chars - begin, round(row.duration_ms * scale)))
    return " " * begin + "━" * wide
