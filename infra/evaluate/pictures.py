"""A report in; three pictures of it out, as SVG: risk over coverage, reliability, confusion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from infra.errors import StackError
from infra.evaluate.report import Report
from infra.evaluate.statistics import Bin
from shared.task.schemas import UNCLASSIFIED

SIZE, LEFT, TOP = 400, 64, 48  # of the plotted square, and where it begins; in pixels
PAPER = (SIZE + LEFT + 32, SIZE + TOP + 56)
CELL, NAMES = 46, 150
NICE = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)  # where an axis may end
TICKS = 5
STYLE = """
  text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328;
    font-size: 12px }
  .title { font-size: 14px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .paper { fill: #ffffff }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .ideal { stroke: #8c959f; stroke-dasharray: 4 4 }
  .line { fill: none; stroke: #0969da; stroke-width: 2 }
  .dot { fill: #0969da }
  .otherdot { fill: #b4632a }
  .cell { fill: #0969da }
  .light { fill: #ffffff }
"""


class Plot:
    """A square whose axes begin at 0 and end at a nice figure that `right` and `top` are not over."""

    def __init__(self, right: float, top: float) -> None:
        self.right, self.top = (next((n for n in NICE if n >= most), 1.0) for most in (right, top))

    def x(self, value: float) -> float:
        """Return how far to the right a value is, in pixels."""
        return round(LEFT + value / self.right * SIZE, 1)

    def y(self, value: float) -> float:
        """Return how far down a value is, in pixels."""
        return round(TOP + (1 - value / self.top) * SIZE, 1)

    def axes(self, title: str, across: str, up: str) -> Iterator[str]:
        """Yield the title, the grid with its figures, and the names of both axes."""
        left, bottom = self.x(0), self.y(0)
        yield f'<text class="title" x="12" y="22">{title}</text>'
        for n in range(TICKS + 1):
            a, b = self.right * n / TICKS, self.top * n / TICKS
            yield f'<line class="grid" x1="{self.x(a)}" y1="{bottom}" x2="{self.x(a)}" y2="{TOP}"/>'
            yield f'<line class="grid" x1="{left}" y1="{self.y(b)}" x2="{LEFT + SIZE}" y2="{self.y(b)}"/>'
            yield f'<text class="small" x="{self.x(a)}" y="{bottom + 18}" text-anchor="middle">{a:.3g}</text>'
            yield f'<text class="small" x="{left - 8}" y="{self.y(b) + 4}" text-anchor="end">{b:.3g}</text>'
        yield f'<text x="{LEFT + SIZE / 2}" y="{bottom + 38}" text-anchor="middle">{across}</text>'
        yield f'<text transform="translate(18 {TOP + SIZE / 2}) rotate(-90)" text-anchor="middle">{up}</text>'


def write(folder: Path, report: Report, keywords: Report) -> list[Path]:
    """Write the pictures of a report into a folder, and return their paths.

    Raises:
        StackError: the folder cannot be written.
    """
    made = {
        "risk-coverage.svg": risk_coverage(report, keywords),
        "reliability.svg": reliability(report),
        "confusion.svg": confusion(report),
    }
    return save(folder, made)


def save(folder: Path, made: Mapping[str, str]) -> list[Path]:
    """Write pictures by name into a folder, which is made where there is none, and return their paths.

    Raises:
        StackError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StackError(f"{folder} cannot be written: {error.strerror}") from None
    return [folder / name for name in made]


def risk_coverage(report: Report, keywords: Report) -> str:
    """Draw the share of wrong actions over the share of tickets acted on, for every threshold."""
    line = [(p.acted.value or 0.0, 1 - (p.right.value or 0.0)) for p in report.curve]
    marks = [
        (r.acted.value or 0.0, 1 - r.right.value, kind, words)
        for r, kind, words in (
            (report, "dot", f"threshold {report.threshold:g}"),
            (keywords, "otherdot", "keyword router"),
        )
        if r.right.value is not None
    ]
    points = [*line, *((x, y) for x, y, _, _ in marks)]
    plot = Plot(max((x for x, _ in points), default=1.0), max((y for _, y in points), default=1.0))
    parts = [
        *plot.axes("Acting on more, and how often that is wrong", "share of tickets acted on", "share of these wrong"),
        path(plot, line, "line"),
    ]
    for x, y, kind, words in marks:
        anchor, beside = ("end", -9) if x > plot.right / 2 else ("start", 9)
        parts.append(f'<circle class="{kind}" cx="{plot.x(x)}" cy="{plot.y(y)}" r="5"/>')
        parts.append(f'<text x="{plot.x(x) + beside}" y="{plot.y(y) - 8}" text-anchor="{anchor}">{words}</text>')
    return svg(*PAPER, parts)


def reliability(report: Report) -> str:
    """Draw the share right over the confidence, a dot for each bin, with its interval and its tickets."""
    plot = Plot(1.0, 1.0)
    parts = [
        *plot.axes("What a confidence is worth, where an intent is named", "mean confidence", "share right"),
        *dots(plot, report.bins, "line", "dot"),
    ]
    return svg(*PAPER, parts)


def dots(plot: Plot, bins: Iterable[Bin], line: str, dot: str) -> Iterator[str]:
    """Yield the diagonal of who says what is so, and for each bin a dot with its interval and how many it holds."""
    yield f'<line class="ideal" x1="{plot.x(0)}" y1="{plot.y(0)}" x2="{plot.x(1)}" y2="{plot.y(1)}"/>'
    for b in bins:
        if b.right.value is None or b.right.interval is None:
            continue
        x, (low, high) = plot.x(b.mean), b.right.interval
        yield f'<line class="{line}" x1="{x}" y1="{plot.y(low)}" x2="{x}" y2="{plot.y(high)}"/>'
        yield f'<circle class="{dot}" cx="{x}" cy="{plot.y(b.right.value)}" r="4"/>'
        yield f'<text class="small" x="{x}" y="{plot.y(0) - 4}" text-anchor="middle">{b.right.of}</text>'


def path(plot: Plot, points: Iterable[tuple[float, float]], kind: str) -> str:
    """Return a line through these points."""
    through = " ".join(f"{plot.x(x)},{plot.y(y)}" for x, y in points)
    return f'<polyline class="{kind}" fill="none" points="{through}"/>'


def confusion(report: Report) -> str:
    """Draw how often each intent was taken for which: darker is a larger share of the row."""
    names = list(report.confusion)
    side = CELL * len(names)
    parts = ['<text class="title" x="12" y="22">What was asked for (rows), and what was named (columns)</text>']
    for row, gold in enumerate(names):
        y = TOP + NAMES + row * CELL
        total = sum(report.confusion[gold].values())
        parts.append(f'<text x="{NAMES - 8}" y="{y + CELL / 2 + 4}" text-anchor="end">{escape(_short(gold))}</text>')
        for column, said in enumerate(names):
            count = report.confusion[gold].get(said, 0)
            parts += _cell(NAMES + column * CELL, y, count, count / total if total else 0.0)
    for column, said in enumerate(names):
        x, y = NAMES + column * CELL + CELL / 2 + 4, TOP + NAMES - 8
        parts.append(f'<text transform="translate({x} {y}) rotate(-60)">{escape(_short(said))}</text>')
    return svg(NAMES + side + 60, TOP + NAMES + side + 16, parts)


def _cell(x: float, y: float, count: int, portion: float) -> Iterator[str]:
    size, shade = CELL - 1, 0.04 + 0.96 * portion
    yield f'<rect class="cell" x="{x}" y="{y}" width="{size}" height="{size}" fill-opacity="{shade:.3f}"/>'
    if count:
        light = ' class="light"' if portion > 0.5 else ""
        yield f'<text{light} x="{x + CELL / 2}" y="{y + CELL / 2 + 4}" text-anchor="middle">{count}</text>'


def svg(width: float, height: float, parts: Sequence[str]) -> str:
    """Return the picture of these parts, in pixels."""
    size = f'width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size} role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", f'<rect class="paper" {size}/>', *parts, "</svg>"]) + "\n"


def _short(name: str) -> str:
    return "none" if name == UNCLASSIFIED else name[:20]
