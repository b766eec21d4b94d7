"""`python -m tests.load`: what a backlog takes of the model; then the same backlog twice on the emulators, once with a
handler that always raises, and the others must not notice.

There the model answers 429 to a third of its calls. Exit status 0: the queue drained, every task of the broken handler
ended where people see it, no other intent took over 10% longer, and no function process outgrew its memory.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from tests.load.backlog import TEXTS, Load, Outcome, drain
from tests.load.sharing import measure

MAX_SLOWER = 1.10
MAX_MB = 256.0  # what a function has in the cloud, at least
VISIBLE = frozenset({"FAILED", "UNKNOWN"})


def main() -> int:
    """Run both backlogs, print the comparison and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--tasks", type=int, default=4500)
    parser.add_argument("--broken", choices=sorted(TEXTS), default="cancel_order", help="whose handler raises")
    parser.add_argument("--latency-ms", type=float, default=300.0, help="of the model (default: 300)")
    parser.add_argument("--timeout-s", type=float, default=1200.0, help="for each backlog")
    parser.add_argument("--only-calls", action="store_true", help="what the backlog takes of the model, and no more")
    options = parser.parse_args()
    problems = _shared(options)
    if not options.only_calls:
        problems += _disturbed(options)
    for problem in problems:
        print(f"PROBLEM {problem}")
    return 1 if problems else 0


def _shared(options: argparse.Namespace) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="switchyard-load-") as folder, Progress(transient=True) as progress:
        bar = progress.add_task("tasks share calls", total=options.tasks)
        say = functools.partial(_say, progress, bar)
        seen = asyncio.run(measure(options.tasks, Path(folder), options.timeout_s, say))
    print(seen)
    return seen.problems()


def _say(progress: Progress, bar: TaskID, done: int) -> None:
    progress.update(bar, completed=done)


def _disturbed(options: argparse.Namespace) -> list[str]:
    healthy, broken = (_drained(options, handler) for handler in ("", options.broken))
    return _compare(healthy, broken, options.broken)


def _drained(options: argparse.Namespace, broken: str) -> Outcome:
    load = Load(options.tasks, broken, options.latency_ms, 1 / 3, options.timeout_s)
    what = f"{broken} raises" if broken else "all handlers work"
    with tempfile.TemporaryDirectory(prefix="switchyard-load-") as folder, Progress(transient=True) as progress:
        bar = progress.add_task(what, total=load.tasks)
        return asyncio.run(drain(load, Path(folder), functools.partial(_say, progress, bar)))


def _compare(healthy: Outcome, broken: Outcome, intent: str) -> list[str]:
    others = [name for name in TEXTS if name != intent]
    problems, table = (
        [],
        Table("intent", "at rest", "p50 s", "p95 s", "last s", "slower", title="seconds after the start"),
    )
    for name, group in [*((n, [n]) for n in TEXTS), ("all others", others)]:
        before, after = _times(healthy.seconds(group)), _times(broken.seconds(group))
        slower = max(b / a for a, b in zip(before, after, strict=True))
        states = Counter(r.state for n in group for r in broken.records[n])
        shown = [f"{a:.0f} -> {b:.0f}" for a, b in zip(before, after, strict=True)]
        table.add_row(name, ", ".join(f"{n} {s}" for s, n in states.most_common()), *shown, f"{slower - 1:+.0%}")
        if name == "all others" and slower > MAX_SLOWER:
            problems.append(f"the other intents took {slower - 1:.0%} longer")
    Console().print(table)
    lost = [r.task_id for r in broken.records[intent] if r.state not in VISIBLE]
    if lost:
        problems.append(f"{len(lost)} tasks of {intent} are neither FAILED nor UNKNOWN: {lost[:3]}")
    return problems + _weight(broken)


def _times(seconds: list[float]) -> tuple[float, float, float]:
    return statistics.median(seconds), seconds[int(len(seconds) * 0.95)], seconds[-1]


def _weight(outcome: Outcome) -> list[str]:
    """Say how much the heaviest function process grew, and complain if it is too much."""
    first, last = outcome.weights_mb[0], outcome.weights_mb[-1]
    peak = {name: max(w.get(name, 0.0) for w in outcome.weights_mb) for name in last}
    name = max(peak, key=peak.__getitem__)
    print(
        f"heaviest function: {name.split()[0]}, {first.get(name, 0):.0f} MB at first, {peak[name]:.0f} MB at most, "
        f"{last[name]:.0f} MB at the end"
    )
    return [f"{name} took {peak[name]:.0f} MB"] if peak[name] > MAX_MB else []


if __name__ == "__main__":
    sys.exit(main())
