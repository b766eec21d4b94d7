"""`python -m tests.chaos`: break a running stack for a while, heal it, and exit with 0 only if nothing contradicts."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.errors import StackError
from tests.chaos.run import Options, Outcome, chaos, new_seed
from tests.chaos.verdict import Verdict

STATES = ("SUCCEEDED", "REJECTED", "FAILED", "UNKNOWN", "AWAITING_APPROVAL", "EXPIRED", "CANCELLED")
SHOWN = 40


def main() -> int:
    """Parse the command line, run, show."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120.0, help="of chaos; healing takes minutes more")
    parser.add_argument("--seed", type=int, default=None, help="of everything that is drawn (default: a new one)")
    parser.add_argument("--backend", choices=("emulators", "embedded"), default="emulators")
    parser.add_argument("--classifier", choices=("local", "genai"), default="local", help="genai: a local Gemini API")
    parser.add_argument("--brisk", action="store_true", help="give up what takes minutes to heal")
    parser.add_argument("--heal-s", type=float, default=600.0, help="how long to wait until nothing moves")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="switchyard-chaos-"))
    seed = new_seed() if given.seed is None else given.seed
    options = Options(**vars(given) | {"seed": seed, "folder": folder})
    console = Console()
    console.print(f"chaos on {given.backend}: {given.tasks} tasks, {given.seconds:g} s, seed {seed}")
    try:
        with console.status("") as status:
            outcome = asyncio.run(chaos(options, status.update if console.is_terminal else _quiet))
    except (StackError, KeyboardInterrupt) as error:
        console.print(f"chaos did not come to an end: {error}; logs in {folder}", style="red")
        return 1
    show(console, outcome)
    if outcome.verdict.problems:
        console.print(f"logs in {folder}; again with: make chaos SEED={seed}")
        return 1
    shutil.rmtree(folder)
    return 0


def _quiet(_: str) -> None:
    """Say nothing where nobody watches."""


def show(console: Console, outcome: Outcome) -> None:
    """Print the figures, every UNKNOWN with its reason, and what contradicts."""
    verdict = outcome.verdict
    for rows in (_figures(outcome), _blows(outcome)):
        table = Table(show_header=False, box=None)
        for row in rows:
            table.add_row(*map(str, row))
        console.print(table)
    if verdict.unknowns:
        console.print(_unknowns(verdict))
    for problem in verdict.problems[:SHOWN]:
        console.print(str(problem), style="red", markup=False)
    if len(verdict.problems) > SHOWN:
        console.print(f"... and {len(verdict.problems) - SHOWN} more", style="red")
    console.print("this does NOT hold" if verdict.problems else "nothing lost, nothing doubled", style="bold")


def _figures(outcome: Outcome) -> list[tuple[str, object]]:
    done, verdict = outcome.done, outcome.verdict
    return [
        ("events accepted", f"{done.accepted}, in {done.sendings} sendings"),
        *((state, verdict.states[state]) for state in STATES),
        ("effects in the ledger", f"{outcome.effects}, of which harmless repeats {verdict.repeats}"),
        ("lost", verdict.count("lost")),
        ("doubled", verdict.count("doubled")),
        ("seconds", f"{done.chaos_s:.0f} of chaos, {done.heal_s:.0f} to heal"),
    ]


def _blows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return a line per target with its count of each signal, under a line that names the signals."""
    dealt = outcome.done.dealt
    signals = sorted({signal for _, signal in dealt})
    kinds = sorted({kind for kind, _ in dealt})
    return [("", *signals), *((kind, *(str(dealt[kind, signal] or "") for signal in signals)) for kind in kinds)]


def _unknowns(verdict: Verdict) -> Table:
    table = Table("UNKNOWN", "why", "justified by", "in the ledger", "tasks")
    alike = Counter((u.intent, u.why, u.explained, "applied" if u.applied else "nothing") for u in verdict.unknowns)
    for row, count in sorted(alike.items()):
        table.add_row(*row, str(count))
    return table


if __name__ == "__main__":
    sys.exit(main())
