"""Environments hold exactly what their locks say: with uv where there is one that works, else with pip."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

INSTALL = Path(__file__).resolve().parents[3] / "infra/install.sh"
LOCK = "ruff==1 \\\n    --hash=sha256:1\n"
UV_PIN = "uv==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with an environment whose Python only writes down what it was called for; no uv is far or near."""
    (tmp_path / "path").mkdir()
    for tool in ("awk", "mktemp", "rm", "cat"):
        (tmp_path / "path" / tool).symlink_to(str(shutil.which(tool)))
    # What pip is told to read is written down as well: it may be gone afterwards.
    stands_in(tmp_path / "env/bin/python", 'for last; do :; done; [ ! -f "$last" ] || cat "$last" >>pip.read\n')
    return tmp_path


def stands_in(program: Path, body: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >>calls\n{body}')
    program.chmod(0o755)


def install(place: Path, lock: str = LOCK) -> list[str]:
    """Run the script; return the programs that installed something, with the command."""
    (place / "lock.txt").write_text(lock)
    env = {"PATH": str(place / "path"), "TMPDIR": os.environ.get("TMPDIR", "/tmp")}
    subprocess.run([str(INSTALL), "env", "lock.txt"], cwd=place, env=env, check=True, timeout=20, capture_output=True)
    calls = (place / "calls").read_text().splitlines()
    assert all("--require-hashes" in call for call in calls if " install " in call)
    return [call.partition(" --")[0] for call in calls if " install " in call]


def test_without_uv_pip_installs_the_lock(place: Path) -> None:
    assert install(place) == ["python -m pip install"]
    assert (place / "pip.read").read_text() == LOCK


@pytest.mark.parametrize("where", ["env/bin/uv", ".venv/bin/uv", "path/uv"])
def test_a_uv_that_is_there_installs_the_lock(place: Path, where: str) -> None:
    stands_in(place / where, "")
    assert install(place) == ["uv pip install"]


def test_a_uv_that_fails_leaves_it_to_pip(place: Path) -> None:
    stands_in(place / "path/uv", "exit 1\n")
    assert install(place) == ["uv pip install", "python -m pip install"]
    assert (place / "pip.read").read_text() == LOCK


def test_a_lock_that_pins_uv_brings_it_first_and_by_its_hashes(place: Path) -> None:
    stands_in(place / "env/bin/uv", "")
    assert install(place, LOCK + UV_PIN + "zope==1\n") == ["python -m pip install", "uv pip install"]
    assert (place / "pip.read").read_text() == UV_PIN
