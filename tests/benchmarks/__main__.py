"""`python -m tests.benchmarks`: measure systems in turns, show tables, keep every figure as JSON."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from infra.commands import in_one_line
from infra.errors import StackError
from infra.processes import Child, url_in
from infra.proxies import leave_out_this_machine
from tests.benchmarks import cold, pictures, readme, report, table
from tests.benchmarks.arguments import parse
from tests.benchmarks.environments import ROOT, compiled, python_of
from tests.benchmarks.measure import measure
from tests.benchmarks.revision import tree_of
from tests.benchmarks.rows import Cold, Plan, Row
from tests.benchmarks.shop import serving
from tests.benchmarks.statistics import Ratio
from tests.benchmarks.systems import Site, System, named, python_here

HOME = ROOT / ".bench"  # on the disk of this tree, as the data folder of `make run` is
MODEL_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Entrant:
    """A system and where it runs from; `python` is empty until its environment is made."""

    system: System
    tree: Path = ROOT
    python: str = ""


@dataclass(slots=True)
class Outcome:
    """All rows, and in a line each why a system has none."""

    rows: list[Row] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Measure, show and write; status 1 where nothing could be measured."""
    options = parse(argv)
    leave_out_this_machine()
    HOME.mkdir(exist_ok=True)
    compiled(ROOT)
    if options.cold:
        return _cold(options)
    try:
        with tempfile.TemporaryDirectory(prefix="run-", dir=HOME) as name, _entrants(options, Path(name)) as entrants:
            outcome = asyncio.run(_rounds(options, entrants, Path(name)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped; nothing is left running", file=sys.stderr)
        return 130
    _show(outcome, options)
    return 0 if outcome.rows else 1


def _cold(options: argparse.Namespace) -> int:
    """Measure cold starts, show and write them."""

    async def starts(folder: Path, model: str) -> dict[str, list[Cold]]:
        async with serving() as shop:
            site = Site("", folder, 0, shop.url, model, options.calls)
            return await cold.measure(site, options.repeat)

    with tempfile.TemporaryDirectory(prefix="cold-", dir=HOME) as name, _model(0.0) as model:
        found = asyncio.run(starts(Path(name), model))
    Console(width=None if sys.stdout.isatty() else 180).print(table.cold_starts(found, cold.BESIDE))
    print(f"wrote {report.write_cold(options.out, found)}")
    return 0


@contextlib.contextmanager
def _entrants(options: argparse.Namespace, folder: Path) -> Iterator[list[Entrant]]:
    """Yield what runs in each round, in this order; with `--against`, the old build before the new one."""
    systems = [s for s in named(options.only) if s.backend in ("", options.backend or s.backend)]
    if not options.against:
        yield [Entrant(s) for s in systems]
        return
    mine = next((s for s in systems if s.name.startswith("switchyard")), None)
    assert mine, "every backend has a Switchyard"
    with tree_of(options.against, folder / "tree") as (tree, python):
        yield [Entrant(replace(mine, name=f"{mine.name}@{options.against}"), tree, python), Entrant(mine)]


async def _rounds(options: argparse.Namespace, entrants: Sequence[Entrant], folder: Path) -> Outcome:
    current = asyncio.current_task()
    assert current
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    outcome = Outcome()
    with _model(options.latency_ms) as model:
        for number in range(options.repeat):
            for entrant in entrants:
                if entrant.system.name not in outcome.skipped:
                    place = folder / f"{entrant.system.name.replace('/', '-')}-{number}"
                    await _turn(options, entrant, model, place, outcome)
    return outcome


async def _turn(options: argparse.Namespace, entrant: Entrant, model: str, folder: Path, outcome: Outcome) -> None:
    """Measure one system once; what cannot be measured is said in a line, and is no reason to stop."""
    system = entrant.system
    await asyncio.to_thread(folder.mkdir)
    try:
        python = entrant.python or (python_of(system.name, system.lock) if system.lock else python_here())
        with Progress(transient=True) as progress:
            bar = progress.add_task(system.name)

            def say(what: str, done: int, total: int) -> None:
                progress.update(bar, description=f"{system.name}: {what}", completed=done, total=total)

            async with serving() as shop:
                site = Site(python, folder, 0, shop.url, model, options.calls, tree=entrant.tree)
                plan = Plan(options.tasks, options.in_flight, options.calls, options.window)
                outcome.rows += await measure(system, site, plan, shop, say)
    except StackError as error:
        why, _, log = str(error).partition("\n")
        outcome.skipped[system.name] = why
        print(f"{log}\n{system.name} is left out: {why}".lstrip(), file=sys.stderr, flush=True)


@contextlib.contextmanager
def _model(latency_ms: float) -> Iterator[str]:
    child = Child("infra.gemini_server", "--port", "0", "--latency-ms", str(latency_ms))
    try:
        yield url_in(child.wait_for("http://", MODEL_TIMEOUT_S))
    finally:
        child.stop()


def _show(outcome: Outcome, options: argparse.Namespace) -> None:
    console = Console(width=None if sys.stdout.isatty() else 180)
    keeps = {s.name: s.keeps for s in named([])}
    for size in options.tasks:
        if rows := [row for row in outcome.rows if row.tasks == size]:
            console.print(table.figures(rows, size, keeps))
    ratios: dict[int, dict[str, Ratio]] = {}
    if options.against and not outcome.skipped:
        old = [row for row in outcome.rows if "@" in row.system]
        ratios = table.ratios(old, [row for row in outcome.rows if "@" not in row.system])
        console.print(table.compared(ratios, options.against))
    settings = {name: value for name, value in vars(options).items() if name != "out"}
    path = report.write(options.out, outcome.rows, settings, keeps, outcome.skipped, ratios)
    for written in [path, *(pictures.write(options.out, outcome.rows, report.in_words()) if outcome.rows else [])]:
        print(f"wrote {written}")
    if options.readme and outcome.rows:
        how = f"Model at {options.latency_ms:g} ms, {options.calls} calls in flight: {report.in_words()}."
        readme.put(ROOT / "README.md", readme.markdown(outcome.rows, keeps, how))
        pictures.write(Path(__file__).parent, outcome.rows, report.in_words())


if __name__ == "__main__":
    sys.exit(main())
