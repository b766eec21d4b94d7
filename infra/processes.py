"""Child processes of the local stack: started with a readiness check, stopped by process id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue

from infra.errors import StackError

STOP_TIMEOUT_S = 20.0
LEASH = "END_WITH_PARENT"


class Child:
    """A Python module run as a process of its own, in its own process group."""

    def __init__(self, module: str, *arguments: str, env: Mapping[str, str] | None = None, log: Path | None = None):
        """Start `python -m module arguments`; standard error goes to `log`, or to ours."""
        self.name = module
        self._lines: Queue[str] = Queue()
        self._log = log.open("ab") if log else None
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1", LEASH: "1"},
            stdin=subprocess.PIPE,  # closed by the kernel when we end, however we end: see `end_with_parent`
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._drain, daemon=True).start()

    def wait_for(self, word: str, timeout_s: float) -> str:
        """Return the first line of output that contains `word`.

        Raises:
            StackError: the process ended, or said nothing of the kind in time.
        """
        while True:
            try:
                line = self._lines.get(timeout=timeout_s)
            except Empty:
                raise StackError(f"{self.name} was not ready after {timeout_s:g} s") from None
            if not line:
                raise StackError(f"{self.name} ended before it was ready; see the lines above, or its log")
            if word in line:
                return line.strip()

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        if self.alive():
            self._process.send_signal(number)

    def stop(self) -> int:
        """Ask it to end, make it end if it does not, and return its exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait(STOP_TIMEOUT_S)
        finally:
            assert self._process.stdin is not None, "opened with a pipe"
            self._process.stdin.close()
            if self._log:
                self._log.close()

    def _drain(self) -> None:
        assert self._process.stdout is not None, "opened with a pipe"
        with self._process.stdout as said:
            for line in said:
                self._lines.put(line)
                if self._log and not self._log.closed:
                    self._log.write(line.encode())
                    self._log.flush()
        self._lines.put("")


def end_with_parent() -> None:
    """In a `Child`: end as on SIGTERM when the process that started us is gone, even if it was killed."""
    if LEASH not in os.environ:
        return

    def watch() -> None:
        while os.read(0, 1024):  # not sys.stdin: its lock, held here, would abort the interpreter's end
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def url_in(line: str) -> str:
    """Return the first URL in a line of output."""
    return next(word for word in line.split() if word.startswith("http://"))
