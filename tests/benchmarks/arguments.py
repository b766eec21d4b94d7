"""The command line of `python -m tests.benchmarks`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.environments import ROOT
from tests.benchmarks.systems import SYSTEMS

DESCRIPTION = """Run Switchyard and what people use instead on the same tickets and the same model server, in turns;
print what each took, and write it down. Timings are for comparing within one run, not across machines or days."""
MOST_TASKS = 100_000
NAMES = [system.name for system in SYSTEMS]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; a bad one ends the program with a line that says what it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=DESCRIPTION)
    parser.add_argument("--tasks", type=_sizes, default=[1, 450], metavar="N,N", help="tickets at once (1,450)")
    parser.add_argument("--only", action="append", default=[], choices=NAMES, help="may be repeated")
    parser.add_argument("--backend", choices=("embedded", "emulators"), help="leave out what needs the other one")
    parser.add_argument("--latency-ms", type=_number, default=0.0, help="of every call of the model (0)")
    parser.add_argument("--calls", type=_count, default=10, help="a system may have in flight to the model (10)")
    parser.add_argument("--in-flight", type=_count, default=64, help="requests that the sender has open (64)")
    parser.add_argument("--window", type=_count, help="tickets that may be sent and not done (any number: a backlog)")
    parser.add_argument("--repeat", type=_count, default=1, help="rounds, each system once in each (1)")
    parser.add_argument("--against", metavar="REV", help="Switchyard alone, this tree and a revision in turns")
    parser.add_argument(
        "--cold", action="store_true", help="instead: each deployed function's start to its first answer"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / ".bench", help="folder of results.json and pictures (.bench)"
    )
    parser.add_argument("--readme", action="store_true", help="put table and pictures into README.md")
    options = parser.parse_args(argv)
    if options.against and any(not name.startswith("switchyard") for name in options.only):
        parser.error("--against compares Switchyard with itself: leave --only out, or name a backend of Switchyard")
    if options.cold and (options.against or options.only or options.readme):
        parser.error(
            "--cold measures every function of this tree beside one service: leave --against, --only, --readme out"
        )
    return options


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(word) for word in text.replace(" ", "").split(",")]
    except ValueError:
        sizes = [0]
    if any(not 1 <= size <= MOST_TASKS for size in sizes):
        raise argparse.ArgumentTypeError(f"must be numbers from 1 to {MOST_TASKS:,}, such as 1,450,4500")
    return list(dict.fromkeys(sizes))


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1000")
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 60_000:
        raise argparse.ArgumentTypeError("must be a number from 0 to 60000")
    return value
