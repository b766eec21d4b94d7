"""An answer in, its picture out as SVG: at which rate each limit is full, and how a backlog drains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from infra.evaluate.pictures import save, svg
from infra.scale.answer import Answer

NAMES, BARS, CURVES, GAP = 270, 340, 380, 70  # pixels across
TOP, LINE, BAR, FOOT = 62, 24, 14, 64
LOW, HIGH = 1, 8  # powers of ten of tasks an hour
ENOUGH, SHORT = "#6e9bc5", "#b4632a"
POINTS = 200


def draw(answer: Answer, path: Path) -> None:
    """Write the picture.

    Raises:
        StackError: it cannot be written.
    """
    save(path.parent, {path.name: picture(answer)})


def picture(answer: Answer) -> str:
    """Return both halves, side by side."""
    bottom = TOP + LINE * len(answer.limits)
    left = NAMES + BARS + GAP
    parts = [*_bars(answer, bottom), *_curves(answer, left, bottom)]
    return svg(left + CURVES + 90, bottom + FOOT, parts)


def _across(per_hour: float) -> float:
    power = min(max(math.log10(max(per_hour, 1e-9)), LOW), HIGH)
    return round(NAMES + (power - LOW) / (HIGH - LOW) * BARS, 1)


def _bars(answer: Answer, bottom: float) -> Iterator[str]:
    most = max(answer.per_hour)
    yield '<text class="title" x="12" y="22">Tasks an hour at which a limit is full</text>'
    yield f'<text class="small" x="12" y="40">orange: before {most:,.0f} an hour</text>'
    for power in range(LOW, HIGH + 1):
        x = _across(10.0**power)
        yield f'<line class="grid" x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{bottom}"/>'
        yield f'<text class="small" x="{x}" y="{bottom + 16}" text-anchor="middle">{_figure(10.0**power)}</text>'
    for row, limit in enumerate(answer.limits):
        y, x = TOP + LINE * row, _across(limit.holds)
        colour = SHORT if limit.holds < most else ENOUGH
        yield f'<text x="{NAMES - 10}" y="{y + BAR - 2}" text-anchor="end">{escape(limit.name)}</text>'
        yield f'<rect x="{NAMES}" y="{y}" width="{x - NAMES:.1f}" height="{BAR}" fill="{colour}"/>'
    for rate in answer.per_hour:
        x = _across(rate)
        yield f'<line class="ideal" x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{bottom}"/>'
        yield f'<text class="small" x="{x}" y="{bottom + 34}" text-anchor="middle">{rate:,.0f}</text>'


def _curves(answer: Answer, left: float, bottom: float) -> Iterator[str]:
    run = answer.run
    right = max(run.drained_s, 1e-9)

    def at(second: float, tasks: float) -> str:
        x, y = left + second / right * CURVES, bottom - tasks / run.tasks * (bottom - TOP)
        return f"{x:.1f},{y:.1f}"

    yield f'<text class="title" x="{left}" y="22">{run.tasks:,} tasks at once, from a standstill</text>'
    for share in (0, 0.5, 1):
        y = bottom - share * (bottom - TOP)
        yield f'<line class="grid" x1="{left}" y1="{y}" x2="{left + CURVES}" y2="{y}"/>'
        yield f'<text class="small" x="{left - 6}" y="{y + 4}" text-anchor="end">{share * run.tasks:,.0f}</text>'
        x = left + share * CURVES
        yield f'<text class="small" x="{x}" y="{bottom + 16}" text-anchor="middle">{share * right:,.0f} s</text>'
    for times, colour in ((run.classified_at, ENOUGH), (run.done_at, SHORT)):
        points = " ".join(at(second, tasks) for second, tasks in _steps(times))
        yield f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'
    words = "blue: classified; orange: run, or waiting for a person"
    yield f'<text class="small" x="{left}" y="{bottom + 34}">{words}</text>'


def _steps(times: Sequence[float]) -> Iterator[tuple[float, int]]:
    """Yield some points of how many were there when."""
    yield 0.0, 0
    for n in sorted({math.ceil(len(times) * k / POINTS) for k in range(1, POINTS + 1)}):
        if n:
            yield times[n - 1], n


def _figure(number: float) -> str:
    return f"{number / 1e6:g} m" if number >= 1e6 else f"{number / 1e3:g} k" if number >= 1e3 else f"{number:g}"
