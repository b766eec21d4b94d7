"""Rows in, tables for a terminal out: one per number of tickets, and one of ratios."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from rich.table import Table

from tests.benchmarks.rows import Cold, Row
from tests.benchmarks.statistics import Ratio, ratio

COMPARED = (
    "per_s",
    "p50_ms",
    "p99_ms",
    "cpu_ms",
    "emulators_ms",
    "peak_mb",
    "calls",
    "prompt_tokens",
    "cold_s",
    "cold_cpu_s",
)
WORDS = {
    "per_s": "tasks/s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "cpu_ms": "CPU ms",
    "emulators_ms": "emulators' CPU ms",
    "peak_mb": "MB",
    "processes": "processes",
    "calls": "calls",
    "prompt_tokens": "tokens in",
    "commits": "commits",
    "messages": "messages",
    "cold_s": "cold s",
    "cold_cpu_s": "cold CPU s",
}
UNKNOWN = ("emulators_ms", "commits", "messages")  # of most systems, where 0 says nothing


def middle(rows: Sequence[Row], name: str) -> float:
    """Return the median of a figure over repeats."""
    return float(statistics.median(getattr(row, name) for row in rows))


def figures(rows: Sequence[Row], size: int, keeps: Mapping[str, str]) -> Table:
    """Return the table of one number of tickets: a line per system, the middle of its repeats."""
    how = (
        "one at a time"
        if size == 1
        else f"{size:,} tickets, {rows[0].in_flight} requests in flight; CPU, calls, tokens: a task"
    )
    shown = [name for name in WORDS if any(getattr(row, name) for row in rows)]
    table = Table(title=how, title_justify="left")
    table.add_column("system", no_wrap=True)
    table.add_column("keeps", no_wrap=True)
    for name in shown:
        table.add_column(WORDS[name], justify="right")
    for system in dict.fromkeys(row.system for row in rows):
        own = [row for row in rows if row.system == system]
        table.add_row(system, keeps.get(system, ""), *(_cell(middle(own, name), name) for name in shown))
    return table


def _cell(value: float, name: str) -> str:
    return "" if name in UNKNOWN and not value else figure(value)


def figure(value: float) -> str:
    """Return three digits of a figure, more where it is large."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratios(old: Sequence[Row], new: Sequence[Row]) -> dict[int, dict[str, Ratio]]:
    """Return how the new build's figures compare with the old one's, by number of tickets; rows pair in their order."""
    found: dict[int, dict[str, Ratio]] = {}
    for size in dict.fromkeys(row.tasks for row in new):
        before, after = ([row for row in rows if row.tasks == size] for rows in (old, new))
        pairs = {n: ratio([getattr(r, n) for r in before], [getattr(r, n) for r in after]) for n in COMPARED}
        found[size] = {name: pair for name, pair in pairs.items() if pair is not None}
    return found


def compared(found: Mapping[int, Mapping[str, Ratio]], revision: str) -> Table:
    """Return the table of ratios, a column per number of tickets."""
    title = f"this tree over {revision}: the middle of the pairs (least to most)"
    table = Table("", title=title, title_justify="left")
    for size in found:
        table.add_column("one at a time" if size == 1 else f"{size:,} tickets", justify="right")
    for name in COMPARED:
        if any(name in pairs for pairs in found.values()):
            table.add_row(WORDS[name], *(_spread(pairs.get(name)) for pairs in found.values()))
    return table


def _spread(pair: Ratio | None) -> str:
    return f"{pair.middle:.2f} ({pair.least:.2f}-{pair.most:.2f})" if pair else "-"


def cold_starts(found: Mapping[str, Sequence[Cold]], beside: str) -> Table:
    """Return the table of first answers; ratios are of CPU, which other work on the machine moves least."""
    table = Table(title="from the start to the first answer: the middle of the rounds", title_justify="left")
    for name in ("", "s", "CPU s", f"CPU over {beside}'s (least to most)"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for name, starts in found.items():
        middles = (statistics.median(getattr(start, what) for start in starts) for what in ("seconds", "cpu_s"))
        pair = ratio([start.cpu_s for start in found[beside]], [start.cpu_s for start in starts])
        table.add_row(name, *map(figure, middles), _spread(pair))
    return table
