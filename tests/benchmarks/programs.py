"""Programs of any environment: started in a session of their own, stopped with everything they started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import StackError
from tests.benchmarks.usage import family, processes

STOP_TIMEOUT_S = 15.0
POLL_S = 0.05
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LAST_LINES, LINE_LENGTH = 15, 200


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `env` is added to this process's environment."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def running(programs: Sequence[Program], log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run programs, their output in one log; when this ends, so do they, last first, and whatever they started.

    Raises:
        StackError: one cannot be run.
    """
    started: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("ab") as output:
            for program in programs:
                started.append(_start(program, output.fileno()))
        yield started
    finally:
        stop(reversed(started))


def stop(started: Iterator[subprocess.Popen[bytes]]) -> None:
    """Ask each to end, and end what remains of its family after a while."""
    for process in started:
        members = set(family([process.pid], processes()))
        if process.poll() is None:
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while (left := members & set(processes())) - {process.pid} and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_S)
        if process.poll() is None:
            process.kill()
            process.wait(STOP_TIMEOUT_S)


def last_words(log: Path) -> str:
    """Return the end of a log, for whoever has to find out why a system does not work."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(line[:LINE_LENGTH] for line in lines[-LAST_LINES:])


def _start(program: Program, output: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            program.argv,
            cwd=program.cwd,
            env={**os.environ, **program.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    except OSError as error:
        raise StackError(f"{program.argv[0]} cannot be run: {error.strerror}") from error


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM when the benchmark is gone, even if it was killed (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
