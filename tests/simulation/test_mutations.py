"""The simulation can fail: with any one guard of the protocol removed, it does, within the budget of every test run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.test_simulation import BUDGET

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("shared", "functions", "infra", "tests/simulation")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_removed_guard_is_noticed(mutation: Mutation, tmp_path: Path) -> None:
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("__init__.py", "store.py"):
        shutil.copy(ROOT / "tests" / file, tmp_path / "tests")
    guarded = tmp_path / mutation.file
    guarded.write_text(mutation.apply(guarded.read_text()))
    command = [sys.executable, "-m", "tests.simulation", "--runs", str(BUDGET), "--jobs", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=230)
    found = re.search(r"^seed \d+: (I\d+)", done.stdout, re.MULTILINE)
    assert found, f"{mutation.name} was not noticed: {done.stdout[-500:]}{done.stderr[-2000:]}"
    assert (found[1] == "I0") == mutation.raises, done.stdout[-3000:]
