"""What a newcomer has: only the packages of `run.txt`, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_demo_runs_with_the_packages_of_the_run_environment_alone(tmp_path: Path) -> None:
    lock = ROOT / "infra/requirements/run.txt"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=60)
    python = tmp_path / "venv/bin/python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    subprocess.run(install, check=True, timeout=180)
    env = {**os.environ, "BACKEND": "embedded", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [str(python), "-m", "infra.demo"], env=env, cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
