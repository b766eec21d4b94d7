"""`python -m tests.fuzz [--inputs N] [--seed S] [--target T] [FILE...]`: try many inputs, or replay saved ones."""

from __future__ import annotations

import argparse
import asyncio
import secrets as random_secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.campaign import Report, fuzz
from tests.fuzz.case import Broken, Case
from tests.fuzz.engine import attempt, name_of
from tests.fuzz.scenery import stage
from tests.fuzz.targets.every import targets

FOUND = Path(__file__).parent / "found"
MAX_GROWTH_MB = 64


def tell(reports: Sequence[Report], seed: str, seconds: float) -> int:
    """Print the sums, save what was found with the command that replays it, and return the exit status."""
    tried, lines = sum(sum(r.inputs.values()) for r in reports), set().union(*(r.lines for r in reports))
    print(f"{tried} inputs in {seconds:.0f} s, seed {seed}, {len(lines)} lines of shared and functions reached")
    for name in reports[0].inputs:
        inputs, cpu = sum(r.inputs[name] for r in reports), sum(r.seconds[name] for r in reports)
        behaviours = max(r.behaviours[name] for r in reports)
        print(f"  {name:<20} {inputs:>8} inputs  {inputs / cpu:>7.0f}/s of a core  {behaviours:>5} behaviours")
    grown = max(r.growth_mb for r in reports)
    print(f"  memory grew by {grown:.0f} MB over the last three quarters")
    found = {why: case for r in reports for case, why in r.found}
    for why, case in found.items():
        FOUND.mkdir(exist_ok=True)
        file = FOUND / name_of(case)
        case.save(file)
        print(f"BROKEN {why[:300]}\n  replay: .venv/bin/python -m tests.fuzz {file.relative_to(Path.cwd())}")
    return 1 if found or grown > MAX_GROWTH_MB else 0


async def replay(paths: Sequence[Path]) -> int:
    """Run saved cases again; print what each does and return the exit status."""
    status = 0
    for path in paths:
        case = Case.load(path)
        with stage() as wire:
            target = (await targets())[case.target]
            try:
                said = str(await attempt(target, case, wire))
            except Broken as broken:
                said, status = f"BROKEN {broken}", 1
        print(f"{path.name}: {said}")
    return status


def main() -> int:
    """Parse the command line and run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", default="")
    parser.add_argument("--target", default="", help="only this one; by default all")
    parser.add_argument("files", nargs="*", type=Path, help="cases to replay")
    args = parser.parse_args()
    if args.files:
        return asyncio.run(replay(args.files))
    seed = args.seed or random_secrets.token_hex(4)
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    return tell(fuzz(args.inputs, seed, args.target), seed, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
