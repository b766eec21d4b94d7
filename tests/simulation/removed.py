"""The simulation can fail: with any one guard of the protocol removed, it does, within the budget of every test run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.simulation.mutations import NOTICED_BY, Mutation
from tests.simulation.test_simulation import BUDGET

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("shared", "functions", "infra", "tests/simulation")


def copy_without(mutation: Mutation, folder: Path) -> None:
    """Put what the simulation runs into `folder`, without this guard."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("__init__.py", "store.py"):
        shutil.copy(ROOT / "tests" / file, folder / "tests")
    guarded = folder / mutation.file
    guarded.write_text(mutation.apply(guarded.read_text()))


def must_be_noticed(mutation: Mutation, tmp_path: Path) -> None:
    """Run the simulation on a copy without this guard, and fail unless it finds what is wrong."""
    copy_without(mutation, tmp_path)
    # The seed that noticed it last is tried first; where the code has moved on, all are.
    for seeds in (range(last := NOTICED_BY.get(mutation.name, 0), last + 1), range(BUDGET)):
        which = ["--first", str(seeds.start), "--runs", str(len(seeds))]
        command = [sys.executable, "-m", "tests.simulation", *which, "--jobs", "1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=230)
        if found := re.search(r"^seed \d+: (I\d+)", done.stdout, re.MULTILINE):
            break
    assert found, f"{mutation.name} was not noticed: {done.stdout[-500:]}{done.stderr[-2000:]}"
    assert (found[1] == "I0") == mutation.raises, done.stdout[-3000:]
