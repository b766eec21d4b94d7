"""What `make doctor` finds: one thing, how it stands, and the command that mends it; programs that are asked for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `problem` is empty where it is well; `fix` is a command."""

    what: str
    problem: str = ""
    fix: str = ""
    required: bool = True

    @property
    def mark(self) -> str:
        """How it stands, in one word."""
        return "ok" if not self.problem else "missing" if self.required else "optional"


def ask(program: str, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str | None:
    """Return what a program prints, or None where it is missing, fails, or does not answer in time."""
    try:
        ended = subprocess.run(  # noqa: S603
            [program, *arguments],
            cwd=ROOT,
            env={**os.environ, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1", **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None
