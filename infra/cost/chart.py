"""A bill in, a picture of it out: where the money of 1,000 tasks goes, and a month against what else one might run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Not in the development environment: see infra/requirements/cost.in.
from matplotlib.figure import Figure  # type: ignore[import-not-found]
from matplotlib.ticker import FuncFormatter  # type: ignore[import-not-found]

from infra.cost.bill import GROUPS, LOOPS, Bill

PER_DAY = [10 * 10 ** (step / 10) for step in range(41)]  # 10 to 100,000
COLOURS = {"model": "#b4632a", "run": "#2f6f8f", "firestore": "#6b9a4b", "pubsub": "#8d6bb0", "log": "#9a9a9a"}
LABELS = {
    "model": "model",
    "run": "compute",
    "firestore": "documents (Firestore)",
    "pubsub": "messages (Pub/Sub)",
    "log": "logs",
}


def draw(made: Bill, path: Path) -> None:
    """Write the picture as PNG."""
    figure = Figure(figsize=(12.4, 5.2), layout="constrained")
    stages, months = figure.subplots(1, 2, width_ratios=(1, 1.25))
    _stages(made, stages)
    _months(made, months)
    source = "estimated tokens" if made.estimated == made.tasks else "recorded tokens"
    figure.suptitle(f"What {made.tasks} recorded tasks would cost in the cloud", x=0.01, ha="left", fontweight="bold")
    figure.supxlabel(
        f"List prices of {made.prices.as_of}, us-central1; {source}; compute as if no two steps shared an instance.",
        x=0.01,
        ha="left",
        fontsize=8,
        color="#555555",
    )
    figure.savefig(path, dpi=150)


def _stages(made: Bill, axes: Any) -> None:
    """Stacked bars from zero, so that lengths can be compared."""
    names = list(made.stages)
    spent = {stage: made.prices.by_group(units) for stage, units in made.stages.items()}
    totals = [1000 * sum(spent[stage].values()) for stage in names]
    left = [0.0] * len(names)
    for group in GROUPS:
        widths = [1000 * spent[stage][group] for stage in names]
        axes.barh(names, widths, left=left, color=COLOURS[group], label=LABELS[group], height=0.6)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for row, total in enumerate(totals):
        axes.text(total + max(totals) * 0.015, row, f"${total:.3f}", va="center", fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(totals) * 1.18)
    axes.set_title(f"Dollars per 1,000 tasks, by stage: ${sum(totals):.2f} in all", loc="left", fontsize=11)
    axes.set_xlabel("dollars")
    axes.legend(loc="lower right", fontsize=9, frameon=False)
    _plain(axes)


def _months(made: Bill, axes: Any) -> None:
    """Logarithmic both ways: four orders of magnitude, and what is fixed still shows at the left."""
    fewest, most = LOOPS[0], LOOPS[-1]
    loops = {calls: [made.month(n, calls=calls) for n in PER_DAY] for calls in (fewest, most)}
    axes.fill_between(PER_DAY, loops[fewest], loops[most], color="#c9c9c9", alpha=0.6, linewidth=0)
    machine, ours = [made.vm_month(n) for n in PER_DAY], [made.month(n) for n in PER_DAY]
    free = [made.month(n, net_of_free=True) for n in PER_DAY]
    axes.plot(PER_DAY, machine, color="#555555", linewidth=1.5, linestyle="--")
    axes.plot(PER_DAY, ours, color=COLOURS["model"], linewidth=2.2)
    axes.plot(PER_DAY, free, color=COLOURS["model"], linewidth=1.3, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(PER_DAY[0], PER_DAY[-1])
    money = FuncFormatter(lambda value, _: f"${value:,.0f}" if value >= 1 else f"${value:.2f}")
    axes.yaxis.set_major_formatter(money)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    far, middle = 32, len(PER_DAY) // 2
    between = (loops[fewest][far] * loops[most][far]) ** 0.5
    axes.text(
        PER_DAY[far], between, "agent loop, 2 to 5 model calls", ha="center", va="center", rotation=36, fontsize=9
    )
    _name(axes, "a VM all month,\none model call a task", PER_DAY[3], machine[3], (0, 6), "#333333")
    _name(axes, "Switchyard", PER_DAY[middle], ours[middle], (8, -14), COLOURS["model"], fontweight="bold")
    _name(axes, "less what is free", PER_DAY[8], free[8], (10, -8), COLOURS["model"])
    axes.set_title("Dollars a month, by tasks a day (both logarithmic)", loc="left", fontsize=11)
    axes.set_xlabel("tasks a day")
    axes.set_ylabel("dollars a month")
    axes.grid(True, which="major", color="#e3e3e3", linewidth=0.8)
    axes.set_axisbelow(True)
    _plain(axes)


def _name(axes: Any, words: str, x: float, y: float, offset: tuple[int, int], colour: str, **style: Any) -> None:
    """Write a line's name beside it, which saves the reader a legend."""
    axes.annotate(words, (x, y), offset, textcoords="offset points", color=colour, fontsize=9, **style)


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
