"""The traces of a task, as the console tells them, in; a waterfall for a terminal out."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from functions.console.present import span
from functions.console.waterfall import SpanRow, Trace
from infra.ops.show import plain

BAR_CHARS = 36
NOTHING = (
    "nothing of it was traced on this machine; `make run TRACING=local` traces what comes in from then on, and a trace "
    "is there a moment after its work"
)


def draw(console: Console, found: dict[str, Any]) -> None:
    """Print one waterfall per trace, with what people were waited for between them."""
    traces = [Trace.model_validate_json(json.dumps(trace)) for trace in found["traces"]]
    if found["cloud_trace"]:
        console.print(Text(plain(found["cloud_trace"])), soft_wrap=True)
    elif not traces:
        console.print(NOTHING)
    for trace in traces:
        if trace.waited_ms is not None:
            console.print(f"\n{span(trace.waited_ms / 1000)} later" if trace.waited_ms else "\nmeanwhile", style="bold")
        console.print(Text(f"trace {plain(trace.trace_id)}, {trace.began_at:%Y-%m-%d %H:%M:%S} UTC"), soft_wrap=True)
        console.print(_table(trace))


def _table(trace: Trace) -> Table:
    made = Table(box=None, header_style="bold", pad_edge=False)
    for name, right in (("part", False), ("when", False), ("ms", True), ("", False)):
        made.add_column(name, no_wrap=True, justify="right" if right else "left")
    for row in trace.spans:
        style = "red" if row.failed else ""
        goes_on = "".join(f"  from trace {link[:8]}" for link in row.links)
        words = ("failed  " if row.failed else "") + row.words + goes_on
        made.add_row(
            Text(plain("  " * row.depth + row.name), style),
            Text(_bar(row, trace.length_ms), style or "cyan"),
            f"{row.duration_ms:.1f}",
            Text(plain(words), style),
        )
    return made


def _bar(row: SpanRow, length_ms: float) -> str:
    """Return a bar where the span was in its trace; the shortest is one character."""
    scale = BAR_CHARS / length_ms if length_ms > 0 else 0
    begin = min(BAR_CHARS - 1, max(0, round(row.offset_ms * scale)))
    wide = max(1, min(BAR_CHARS - begin, round(row.duration_ms * scale)))
    return " " * begin + "━" * wide
