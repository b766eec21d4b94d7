"""`switchyard watch`: what wants somebody, in numbers, whenever they change."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console as Terminal

from infra.ops import session
from infra.ops.arguments import Args, noun, runs
from infra.ops.client import Console

SUMMARY = "counts, whenever they change"
EVERY_S = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Watch until Ctrl-C, or as long as was asked for."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard watch") -> argparse.ArgumentParser:
    """Return the options of watching."""
    made = noun(
        prog,
        "Tell how many tasks and letters want somebody, whenever that changes.",
        "switchyard watch",
        "switchyard watch --for 60 --json",
    )
    runs(made, _watch)
    made.add_argument("--for", dest="seconds", metavar="SECONDS", type=float, help="else until Ctrl-C")
    return made


def _watch(args: Args, console: Console, terminal: Terminal) -> int:
    end, before = time.monotonic() + (float("inf") if args.seconds is None else args.seconds), None
    while True:
        counts = console.get("counts")
        if args.json or counts != before:
            most = counts["up_to"]
            shown = {n.lower(): f"{c}+" if c >= most else c for n, c in counts.items() if n != "up_to"}
            line = "  ".join(f"{name} {count}" for name, count in shown.items())
            print(json.dumps(counts) if args.json else f"{datetime.now(UTC):%H:%M:%S}  {line}", flush=True)
        before = counts
        if time.monotonic() >= end:
            return 0
        time.sleep(min(EVERY_S, max(0.0, end - time.monotonic())))
