"""Rows in, two pictures out as SVG: bars of each system's figures, and tasks per second over the number of tickets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from infra.evaluate.pictures import save, svg
from tests.benchmarks.rows import Row
from tests.benchmarks.table import figure, middle

NAMES, PANEL, LINE, TOP, FOOT = 170, 190, 26, 64, 34  # pixels
BAR, ROOM = 16, 64  # of a bar's height; to the right of the longest, for its figure
OURS, OTHERS = "#b4632a", "#6e9bc5"
# What is shown, whether of tickets one at a time, and whether more is better.
PANELS = (
    ("per_s", "tasks/s", False, True),
    ("cpu_ms", "CPU ms a task", False, False),
    ("peak_mb", "MB at most", False, False),
    ("p50_ms", "ms alone, p50", True, False),
    ("cold_s", "s to the first answer", True, False),
)
PLOT_W, PLOT_H, APART = 560, 300, 14


def write(folder: Path, rows: Sequence[Row], machine: str) -> list[Path]:
    """Write the pictures into a folder, and return their paths; the second needs more than one number of tickets.

    Raises:
        StackError: the folder cannot be written.
    """
    made = {"systems.svg": bars(rows, machine)}
    if len({row.tasks for row in rows if row.tasks > 1}) > 1:
        made["sizes.svg"] = sizes(rows, machine)
    return save(folder, made)


def bars(rows: Sequence[Row], machine: str) -> str:
    """Draw each system's figures with the most tickets that were measured, and one at a time, as bars from zero."""
    most = max(row.tasks for row in rows)
    systems = list(dict.fromkeys(row.system for row in rows))
    bottom = TOP + LINE * len(systems)
    parts = [f'<text class="title" x="12" y="22">{most:,} tickets through each system</text>']
    parts += [
        f'<text x="{NAMES - 10}" y="{TOP + LINE * n + BAR}" text-anchor="end">{escape(system)}</text>'
        for n, system in enumerate(systems)
    ]
    shown = [panel for panel in PANELS if not panel[2] or any(row.tasks == 1 for row in rows)]
    for place, (name, words, alone, more) in enumerate(shown):
        left = NAMES + PANEL * place
        better = "more is better" if more else "less is better"
        parts.append(f'<text x="{left}" y="{TOP - 22}">{words}</text>')
        parts.append(f'<text class="small" x="{left}" y="{TOP - 8}">{better}</text>')
        size = 1 if alone else most
        found = {s: [r for r in rows if r.system == s and r.tasks == size] for s in systems}
        parts += _bars({s: middle(own, name) for s, own in found.items() if own}, systems, left)
    parts.append(f'<text class="small" x="12" y="{bottom + 22}">{escape(machine)}</text>')
    return svg(NAMES + PANEL * len(shown) + 12, bottom + FOOT, parts)


def _bars(values: Mapping[str, float], systems: Sequence[str], left: float) -> Iterator[str]:
    longest = max(values.values(), default=0.0) or 1.0
    for place, system in enumerate(systems):
        if system not in values:
            continue
        width, y = values[system] / longest * (PANEL - ROOM), TOP + LINE * place
        colour = OURS if system.startswith("switchyard") else OTHERS
        yield f'<rect x="{left}" y="{y + 3}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<text class="small" x="{left + width + 5:.1f}" y="{y + BAR}">{figure(values[system])}</text>'


def sizes(rows: Sequence[Row], machine: str) -> str:
    """Draw tasks per second over the number of tickets, logarithmic both ways: what is flat holds its pace."""
    several = [row for row in rows if row.tasks > 1]
    counts = sorted({row.tasks for row in several})
    lines = {}
    for system in dict.fromkeys(row.system for row in several):
        own = {n: [r for r in several if r.system == system and r.tasks == n] for n in counts}
        lines[system] = [(n, middle(found, "per_s")) for n, found in own.items() if found]
    low, high = _decades([v for line in lines.values() for _, v in line])

    def x(count: float) -> float:
        return 60 + math.log(count / counts[0]) / math.log(counts[-1] / counts[0]) * PLOT_W

    def y(value: float) -> float:
        return 48 + (1 - (math.log10(value) - low) / (high - low)) * PLOT_H

    parts = ['<text class="title" x="12" y="22">Tasks per second, by the number of tickets at once</text>']
    for power in range(low, high + 1):
        at = y(10**power)
        parts.append(f'<line class="grid" x1="60" y1="{at:.1f}" x2="{60 + PLOT_W}" y2="{at:.1f}"/>')
        parts.append(f'<text class="small" x="52" y="{at + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    for n in counts:
        parts.append(f'<text class="small" x="{x(n):.1f}" y="{48 + PLOT_H + 18}" text-anchor="middle">{n:,}</text>')
    taken: list[float] = []  # where names stand already
    for system, line in sorted(lines.items(), key=lambda item: -item[1][-1][1]):
        colour = OURS if system.startswith("switchyard") else OTHERS
        beside = y(line[-1][1]) + 4
        while any(abs(beside - other) < APART for other in taken):
            beside += 1
        taken.append(beside)
        points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in line)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x(line[-1][0]) + 8:.1f}" y="{beside:.1f}">{escape(system)}</text>')
    parts.append(f'<text class="small" x="12" y="{48 + PLOT_H + 44}">{escape(machine)}</text>')
    return svg(60 + PLOT_W + 190, 48 + PLOT_H + 56, parts)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten that hold all values between them, at least one apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)
