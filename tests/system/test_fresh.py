"""What a newcomer has: only the packages of `run.txt`, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_demo_runs_with_the_packages_of_the_run_environment_alone(tmp_path: Path) -> None:
    python = tmp_path / "venv/bin/python"
    install = ["infra/install.sh", str(tmp_path / "venv"), "infra/requirements/run.txt"]  # as make does
    subprocess.run(install, env=os.environ | {"PYTHON": sys.executable}, cwd=ROOT, check=True, timeout=180)
    env = {**os.environ, "BACKEND": "embedded", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [str(python), "-m", "infra.demo"], env=env, cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
