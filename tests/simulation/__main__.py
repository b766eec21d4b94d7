"""`python -m tests.simulation`: many seeds on all cores, or one with its whole trace. Exit status 1: one broke."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.outcome import Outcome, simulate

CHUNK = 50
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one and print its trace")
    parser.add_argument("--runs", type=int, default=2000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    asked = parser.parse_args()
    if asked.seed is not None:
        return _replay(asked.seed)
    return _search(range(asked.first, asked.first + asked.runs), asked.jobs)


def _replay(seed: int) -> int:
    outcome = simulate(seed, traced=True)
    print("\n".join(outcome.trace))
    print(f"\nseed {seed}: {outcome.violation or 'all invariants hold'}")
    return 1 if outcome.violation else 0


def _search(seeds: range, jobs: int) -> int:
    began, runs, tasks = time.perf_counter(), 0, 0
    columns = (
        TextColumn("simulating"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} runs"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("", total=len(seeds))
        for outcome in _outcomes(seeds, jobs):
            runs, tasks = runs + 1, tasks + outcome.tasks
            progress.advance(bar)
            if outcome.violation:
                progress.stop()
                print(f"{outcome.report()}\ncommit {_commit()}, run {runs} of {len(seeds)}")
                return 1
    seconds = time.perf_counter() - began
    print(
        f"{runs} runs, {tasks} tasks, all invariants hold: {seconds:.1f} s, {tasks / seconds:.0f} tasks/s, "
        f"{tasks / seconds / jobs:.0f} per process"
    )
    return 0


def _outcomes(seeds: range, jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from map(simulate, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(simulate, seeds, chunksize=CHUNK)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(git, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
