"""`python -m infra.scale`: a deployment and tasks an hour -> what is full first, what it costs, and what to turn."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra import manual
from infra.commands import in_one_line
from infra.cost import bill
from infra.cost.records import from_export, from_folder
from infra.errors import StackError
from infra.manifest import PATH as MANIFEST
from infra.scale import assumed, deployment, mix
from infra.scale.answer import Answer
from infra.scale.chart import draw
from shared.intent.registry import discover
from shared.settings import Settings
from shared.task.schemas import TaskRecord

SAMPLE = Path(__file__).with_name("sample.json")
PER_HOUR = (10.0, 1_000.0, 100_000.0)
BURST, MOST_BURST, MOST_TASKS = 4_500, 200_000, 10_000
NEAREST = 6  # limits of which is said what moves them


def parser() -> argparse.ArgumentParser:
    """Return the page of the manual."""
    page = manual.page(
        "Say what a deployment bears: which limit is full first at so many tasks an hour, what a month costs, which "
        "variable moves it, and how long a backlog takes.",
        "make scale",
        'make scale TASKS_PER_HOUR="10 1000 100000" ENV=prod',
        'make scale ARGS="--data-dir .switchyard --people 12"',
        status={0: "the answer was printed", 1: "a file cannot be read, or holds no tasks", 2: "wrong usage"},
    )
    made = argparse.ArgumentParser(prog="make scale", **page)
    made.add_argument("per_hour", type=_positive, nargs="*", default=PER_HOUR, metavar="N", help="tasks an hour")
    made.add_argument("--env", default="prod", metavar="ENV", help="whose terraform/<ENV>.tfvars (default: prod)")
    made.add_argument("--burst", type=_burst, default=BURST, metavar="N", help=f"tasks at once (default: {BURST:,})")
    made.add_argument("--people", type=_positive, help="who decide at any hour (default: see --assumptions)")
    made.add_argument("--data-dir", type=Path, help="tasks of a local stack, in place of the sample's")
    made.add_argument("--export", type=Path, metavar="FILE", help="tasks as GET /api/tasks gives them, likewise")
    made.add_argument("--assumptions", action="store_true", help="print what is assumed, and from where, as well")
    made.add_argument("--json", action="store_true", help="print every figure as JSON, and nothing else")
    made.add_argument("--chart", type=Path, default=Path("dist/scale.svg"), help="where the picture goes")
    return made


@in_one_line
def main() -> int:
    """Work it out, print it and draw it."""
    options = parser().parse_args()
    given, registry = assumed.values(), discover()
    deployed = deployment.load(MANIFEST.parent / f"{options.env}.tfvars")
    asked_of = mix.of(_tasks(options), deployed, registry, bill.load(), given, Settings().retention_days)
    people = options.people or given["people"]
    answer = Answer(deployed, asked_of, given, options.per_hour, options.burst, people)
    if options.json:
        print(json.dumps(answer.as_json(), indent=1))
        return 0
    console = Console(highlight=False, width=None if sys.stdout.isatty() else manual.WIDEST)
    show(answer, options.env, console)
    if options.assumptions:
        console.print(_assumptions())
    draw(answer, options.chart)
    print(f"picture: {options.chart}")
    return 0


def _positive(text: str) -> float:
    number = float(text.replace(",", "").replace("_", ""))
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def _burst(text: str) -> int:
    number = int(_positive(text))
    if not 1 <= number <= MOST_BURST:
        raise argparse.ArgumentTypeError(f"from 1 to {MOST_BURST:,}, for each is played")
    return number


def _tasks(options: argparse.Namespace) -> list[TaskRecord]:
    if options.data_dir:
        found = asyncio.run(from_folder(options.data_dir, MOST_TASKS))
    else:
        found = from_export(options.export or SAMPLE)
    if not found:
        raise StackError(f"{options.data_dir or options.export} holds no tasks")
    return found


def show(answer: Answer, env: str, console: Console) -> None:
    """Print the table of limits, a line for each rate, and what becomes of a backlog."""
    console.print(_limits(answer, env))
    console.print("What moves the first of them:")
    for limit in answer.limits[:NEAREST]:
        console.print(f"  {limit.name}: {limit.turn}")
    for rate in answer.per_hour:
        console.print(f"{rate:,.0f} an hour: {answer.month(rate):,.0f} dollars a month. {_verdict(answer, rate)}")
    cold_s, warm_s = answer.alone
    console.print(f"One task alone: {warm_s:.1f} s; {cold_s:.1f} s where no instance runs (min_instances).")
    console.print(_backlog(answer))
    console.print(
        f"Tasks are as the {len(answer.mix.tickets)} recorded ones, the bill as make cost makes it, without calls that "
        "tasks share. What is assumed, and from where: --assumptions."
    )


def _verdict(answer: Answer, rate: float) -> str:
    if over := answer.over(rate):
        named = "; ".join(f"{limit.name} ({limit.use(rate):,.1f} times what there is: {limit.turn})" for limit in over)
        return f"Over full: {named}."
    limit = answer.fullest(rate)
    return f"Nothing is full; {limit.name} is nearest, at {limit.use(rate):.0%}."


def _backlog(answer: Answer) -> str:
    run, feeds = answer.run, answer.deployment.feeds
    classified_s = max(run.classified_at, default=0.0)
    ends = f"{run.dead:,} ended in the dead letters" if run.dead else "none was lost"
    hours = min(feeds[name].gives_up_after_s for name in run.instances) / 3600
    return (
        f"{answer.burst:,} tasks at once, from a standstill: classified after {classified_s:,.0f} s, done after "
        f"{run.drained_s:,.0f} s, with {run.calls / answer.burst:.2f} model calls a task. Cloud Run answered 429 "
        f"{run.refused:,} times, at most {run.most_attempts} deliveries of a message; {ends}: Pub/Sub goes on for "
        f"{hours:.0f} h at least."
    )


def _limits(answer: Answer, env: str) -> Table:
    table = Table(title=f"what terraform/{env}.tfvars bears, of tasks that come evenly", title_justify="left")
    table.add_column("limit", no_wrap=True)
    table.add_column("of", justify="right")
    for rate in answer.per_hour:
        table.add_column(f"{rate:,.0f}/h", justify="right", no_wrap=True)
    table.add_column("full at", justify="right")
    for limit in answer.limits:
        uses = [_share(limit.use(rate)) for rate in answer.per_hour]
        full = "never" if math.isinf(limit.holds) else f"{limit.holds:,.0f}"
        table.add_row(limit.name, f"{limit.capacity:,.0f} {limit.unit}", *uses, full)
    return table


def _share(use: float) -> str:
    said = f"{use:,.0%}" if use >= 0.01 else "<1%"
    return f"[bold]{said}[/bold]" if use > 1 else said


def _assumptions() -> Table:
    table = Table(title="what is assumed", title_justify="left")
    for column in ("what", "value", "unit", "from"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for name, said in assumed.load().items():
        table.add_row(name, f"{said.value:,g}", said.unit, said.source)
    return table


if __name__ == "__main__":
    sys.exit(main())
