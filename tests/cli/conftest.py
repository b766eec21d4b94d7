"""A tree of one's own, as after a clone, to break or to call from elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the code."""
    made = tmp_path / "tree"
    for folder in ("functions", "infra", "shared"):
        shutil.copytree(ROOT / folder, made / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", made)
    return made
