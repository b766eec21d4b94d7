"""A proposal in; two pictures of each pool out, as SVG: the walk, and what a confidence was worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from infra.calibrate.proposal import Pool, Proposal
from infra.evaluate.pictures import PAPER, Plot, dots, path, save, svg
from infra.evaluate.statistics import curve, reliability


def write(folder: Path, proposal: Proposal) -> list[Path]:
    """Write the pictures into a folder, which is made where there is none, and return their paths.

    Raises:
        StackError: the folder cannot be written.
    """
    made = {}
    for pool in proposal.pools:
        name = pool.intents[0] if len(pool.intents) == 1 else "pool"
        made[f"walk-{name}.svg"] = walk(pool, proposal.look.decisions, proposal.wanted.target)
        made[f"reliability-{name}.svg"] = worth(pool)
    return save(folder, made)


def walk(pool: Pool, decisions: int, target: float) -> str:
    """Draw the share of wrong actions over the share of tickets, and the most that it can be at each step."""
    whole = curve((label.confidence, bool(label.right)) for label in pool.labels)
    line = [(p.acted.count / decisions, 1 - p.right.count / p.acted.count) for p in whole]
    steps = [s for s in pool.walk.steps if s.counted]
    seen = [(s.counted / decisions, 1 - s.right / s.counted) for s in steps]
    most = [(s.counted / decisions, 1 - s.bound) for s in steps if s.counted >= pool.walk.fewest]
    allowed = 1 - target
    plot = Plot(max((x for x, _ in line), default=1.0), max([allowed, *(y for _, y in (*seen, *most))]))
    y = plot.y(allowed)
    parts = [
        *plot.axes(
            "The walk: acting on more, and how often that is wrong", "share of decisions acted on", "share wrong"
        ),
        f'<line class="ideal" x1="{plot.x(0)}" y1="{y}" x2="{plot.x(plot.right)}" y2="{y}"/>',
        f'<text class="small" x="{plot.x(0) + 6}" y="{y - 6}">what is allowed: {allowed:.2g}</text>',
        path(plot, [(x, min(v, plot.top)) for x, v in line], "ideal"),
        path(plot, seen, "line"),
        *(f'<circle class="dot" cx="{plot.x(x)}" cy="{plot.y(v)}" r="3"/>' for x, v in seen),
        *(f'<circle class="otherdot" cx="{plot.x(x)}" cy="{plot.y(v)}" r="4"/>' for x, v in most),
        f'<text class="small" x="{plot.x(0) + 6}" y="{plot.y(plot.top) + 14}">'
        "dashed: every threshold, blue: the walk, brown: the most that it can be</text>",
    ]
    if proven := pool.walk.proven:
        x, v = plot.x(proven.counted / decisions), plot.y(1 - proven.right / proven.counted)
        parts.append(f'<text x="{x}" y="{v - 10}" text-anchor="end">threshold {proven.threshold:g}</text>')
    return svg(*PAPER, parts)


def worth(pool: Pool) -> str:
    """Draw the share right over the confidence: a dot with its interval for each tenth, and the curve of the gate."""
    plot = Plot(1.0, 1.0)
    whose = escape(pool.intents[0]) if len(pool.intents) == 1 else f"{len(pool.intents)} intents"
    parts = [
        *plot.axes(f"What a confidence is worth: {whose}", "confidence", "share right"),
        path(plot, _stairs(pool.curve), "line"),
        *dots(plot, reliability((label.confidence, bool(label.right)) for label in pool.labels), "ideal", "otherdot"),
    ]
    return svg(*PAPER, parts)


def _stairs(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    ends = [start for start, _ in curve[1:]] + [1.0]
    return [point for (start, share), end in zip(curve, ends, strict=True) for point in ((start, share), (end, share))]
