"""Programs are never killed in the middle of a write: they are interrupted, and given time."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.programs import ProgramError, run

# Not in a shell, which cannot take back that interrupts are ignored, as they are for whatever runs in the background.
# One that comes while Python still starts has to wait: programs inherit what is blocked.
HEEDING = """
import signal, sys, time, pathlib
def write(*_):
    pathlib.Path(sys.argv[1]).write_text("state")
    raise SystemExit(1)
signal.signal(signal.SIGINT, write if len(sys.argv) > 1 else signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
time.sleep(60)
"""


@pytest.fixture
def blocked() -> Iterator[None]:
    """Interrupts of programs that start meanwhile wait until they are asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    yield
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


@pytest.mark.usefixtures("blocked")
def test_what_takes_too_long_may_write_its_state_before_it_ends(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"took more than 0\.1 s and was interrupted"):
        run(sys.executable, "-c", HEEDING, str(tmp_path / "state"), quiet=True, timeout_s=0.1, grace_s=60)
    assert (tmp_path / "state").read_text() == "state"


@pytest.mark.usefixtures("blocked")
def test_what_hears_no_interrupt_is_killed_after_the_grace() -> None:
    with pytest.raises(ProgramError, match="was interrupted"):
        run(sys.executable, "-c", HEEDING, quiet=True, timeout_s=0.1, grace_s=0.2)


def test_what_fails_is_named_and_what_is_quiet_returned() -> None:
    assert run(sys.executable, "-c", "print(7)", quiet=True) == "7\n"
    with pytest.raises(ProgramError, match=r"failed \(status 3\)"):
        run(sys.executable, "-c", "raise SystemExit(3)", quiet=True)
    with pytest.raises(ProgramError, match="is not installed; `make doctor` says how to get it"):
        run("no-such-program-anywhere", quiet=True)
