"""Run make, terraform and gcloud: what they print is shown or returned, and none is killed in the middle of a write."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 3600.0  # of one program; the first apply waits for indexes and certificates
# Terraform answers an interrupt by finishing what it has begun, writing the state and giving the lock back.
GRACE_S = 600.0


class ProgramError(Exception):
    """Raised when a program is not there, failed, or was interrupted; the message names it."""


def run(
    program: str,
    *arguments: str,
    quiet: bool = False,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout_s: float = TIMEOUT_S,
    grace_s: float = GRACE_S,
) -> str:
    """Run a program at the repository's root and return what it printed, if `quiet`; else it prints for itself.

    What it reads is `stdin`, or the terminal.

    Raises:
        ProgramError: it is not there, failed, or was interrupted after `timeout_s`.
    """
    said = " ".join([Path(program).name, *(a for a in arguments[:3] if not a.startswith("-chdir="))])
    if not quiet:
        print(f"running {said}", flush=True)
    try:
        process = subprocess.Popen(  # noqa: S603
            [program, *arguments],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            text=True,
            stdin=None if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE if quiet else None,
        )
    except FileNotFoundError:
        raise ProgramError(f"{program} is not installed; `make doctor` says how to get it") from None
    with process:
        try:
            printed, _ = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            _wait(process, grace_s)
            raise ProgramError(f"{said} took more than {timeout_s:g} s and was interrupted") from None
        except KeyboardInterrupt:  # from the terminal, which has told the program as well
            _wait(process, grace_s)
            raise
    if process.returncode != 0:
        raise ProgramError(f"{said} failed (status {process.returncode})")
    return printed or ""


def _wait(process: subprocess.Popen[str], grace_s: float) -> None:
    try:
        process.communicate(timeout=grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
