"""`python -m infra.cost`: tasks recorded here, and prices of a certain date -> what they would cost in the cloud."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.commands import in_one_line
from infra.cost.bill import LOOPS, Bill, bill, load
from infra.cost.records import from_export, from_folder
from infra.errors import StackError
from shared.intent.named import load_for
from shared.intent.registry import discover
from shared.settings import Settings
from shared.task.schemas import TaskRecord

PER_DAY = (100, 1_000, 10_000, 100_000)
MOST_TASKS = 10_000
SHOWN = 0.001
NAMES = {"model": "model", "run": "compute", "firestore": "documents", "pubsub": "messages", "log": "logs"}


@in_one_line
def main() -> int:
    """Print the bill, and draw it where matplotlib is installed."""
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="of a local stack (default: DATA_DIR, or .switchyard)")
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="tasks as JSON instead, as GET /api/tasks gives them"
    )
    parser.add_argument(
        "--per-day", type=int, nargs="+", default=PER_DAY, metavar="N", help="tasks a day of the months"
    )
    parser.add_argument("--json", action="store_true", help="print every figure as JSON, and nothing else")
    parser.add_argument("--chart", type=Path, default=Path("dist/cost.png"), help="where the picture goes")
    options = parser.parse_args()
    settings = load_for(discover())
    tasks = _tasks(options, settings)
    made = bill(tasks, discover(), load(), settings.retention_days)
    if options.json:
        print(json.dumps(made.as_json(options.per_day), indent=1))
        return 0
    show(made, options.per_day, Console())
    return _draw(made, options.chart)


def _tasks(options: argparse.Namespace, settings: Settings) -> list[TaskRecord]:
    if options.export:
        found, where = from_export(options.export), options.export
    else:
        where = options.data_dir or Path(settings.data_dir)
        found = asyncio.run(from_folder(where, MOST_TASKS))
    if not found:
        raise StackError(f"{where} holds no tasks")
    return found


def _draw(made: Bill, path: Path) -> int:
    try:
        from infra.cost.chart import draw
    except ModuleNotFoundError:
        print("no picture: matplotlib is not installed; `make cost` installs it")
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(made, path)
    print(f"picture: {path}")
    return 0


def show(made: Bill, per_day: tuple[int, ...], console: Console) -> None:
    """Print both tables and what they rest on."""
    console.print(_by_stage(made), _by_month(made, per_day))
    prices = made.prices
    tasks = "1 recorded task" if made.tasks == 1 else f"{made.tasks} recorded tasks"
    console.print(f"{tasks}. Prices as of {prices.as_of}. {prices.about}")
    if made.estimated:
        console.print(
            f"{made.estimated} of them were read by the local classifier, which asks no model: their tokens are "
            "estimated from the length of the question that a model would have been asked."
        )
    console.print(
        "Compute is an upper bound: every step as if no two shared an instance. Cold starts, warm instances, builds, "
        "metrics and network egress are not in it. The VM is one machine: nobody takes over when it stops.\n"
        f"Agent loops: {prices.agent_source}",
        highlight=False,
    )


def _by_stage(made: Bill) -> Table:
    table = Table(title="dollars per 1,000 tasks", title_justify="left")
    table.add_column("stage")
    for name in (*NAMES.values(), "total"):
        table.add_column(name, justify="right")
    total = dict.fromkeys(NAMES, 0.0)
    for stage, units in made.stages.items():
        spent = {group: 1000 * dollars for group, dollars in made.prices.by_group(units).items()}
        total = {group: total[group] + spent[group] for group in total}
        table.add_row(stage, *_amounts(spent))
    table.add_section()
    table.add_row("total", *_amounts(total))
    return table


def _amounts(spent: dict[str, float]) -> list[str]:
    return [
        "" if not dollars else f"{dollars:.3f}" if dollars >= SHOWN else f"<{SHOWN}"
        for dollars in (*spent.values(), sum(spent.values()))
    ]


def _by_month(made: Bill, per_day: tuple[int, ...]) -> Table:
    table = Table(title="dollars a month, by tasks a day", title_justify="left")
    table.add_column("", no_wrap=True)
    for n in per_day:
        table.add_column(f"{n:,}", justify="right")

    def row(name: str, figures: list[float]) -> None:
        table.add_row(name, *(f"{dollars:,.2f}" for dollars in figures))

    row("Switchyard, list price", [made.month(n) for n in per_day])
    row("Switchyard, less what is free", [made.month(n, net_of_free=True) for n in per_day])
    table.add_section()
    row("a VM all month, one model call", [made.vm_month(n) for n in per_day])
    for calls in LOOPS:
        row(f"an agent loop, {calls} model calls", [made.month(n, calls=calls) for n in per_day])
    return table


if __name__ == "__main__":
    sys.exit(main())
