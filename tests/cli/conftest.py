"""A tree of one's own, as after a clone, to break or to call from elsewhere."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]

for name in [n for n in ("try", "intent") if find_spec(COMMANDS[n].module) is None]:
    del COMMANDS[name]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the code."""
    made = tmp_path / "tree"
    for folder in ("functions", "infra", "shared"):
        shutil.copytree(ROOT / folder, made / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", made)
    return made
