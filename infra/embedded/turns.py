"""Whose turn it is to write: processes of one stack wait for each other here, where the kernel wakes whoever is next.

SQLite alone would have them ask again and again. Programs from outside the stack take no turn and are waited for as
before.
"""

from __future__ import annotations

import asyncio
import fcntl
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, TextIO

from shared.errors import StoreUnavailable

FILE = "turn"  # in the data directory
PATIENCE_S = 5.0  # as long as for programs from outside
ACCEPT_S = 0.25  # for an event loop to take what its thread has waited for: a handler may block the loop


class Turn(Protocol):
    """Held from before a transaction begins until after it has ended."""

    async def take(self) -> None:
        """Wait for the others.

        Raises:
            StoreUnavailable: one of them does not let go of it.
        """

    def give(self) -> None:
        """Let the next one write; from any thread."""

    async def yielded(self) -> None:
        """Let those who wait come first, before the next `take`."""

    def close(self) -> None:
        """Give the file back."""


class NoTurn:
    """For a file that one process writes to."""

    async def take(self) -> None: ...

    def give(self) -> None: ...

    async def yielded(self) -> None: ...

    def close(self) -> None: ...


class FileTurn:
    """For a file that several write to; the kernel gives it back for a process that died."""

    def __init__(self, data_dir: Path, *, patience_s: float = PATIENCE_S, accept_s: float = ACCEPT_S) -> None:
        self._path, self._patience_s, self._accept_s = data_dir / FILE, patience_s, accept_s
        self._file = self._path.open("a")
        self._held: TextIO = self._file
        self._offer: _Offer | None = None  # what a thread still waits for

    async def take(self) -> None:
        until_s = asyncio.get_running_loop().time() + self._patience_s
        while True:
            if self._offer is None:
                if is_free(self._file):
                    self._held = self._file
                    return
                self._offer = _Offer(self._path.open("a"), self._accept_s)
            try:
                async with asyncio.timeout_at(until_s):
                    await self._offer.made.wait()
            except TimeoutError:
                why = f"another process has held {self._path} for {self._patience_s:g} s; is one of the stack stopped?"
                raise StoreUnavailable(f"nothing was written: {why}") from None
            offer, self._offer = self._offer, None
            if offer.accepted():
                self._held = offer.file
                return

    def give(self) -> None:
        fcntl.flock(self._held, fcntl.LOCK_UN)
        if self._held is not self._file:
            self._held.close()

    async def yielded(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self._file.close()


class _Offer:
    """A turn that a thread waits for: the loop accepts it in time, or the next process has it.

    The file is open for this alone, so that the lock on it is nobody else's. The thread outlives no program.
    """

    def __init__(self, file: TextIO, accept_s: float) -> None:
        self.file = file
        self.made = asyncio.Event()
        self._accept_s = accept_s
        self.fate: Future[None] = Future()  # accepted or cancelled, whichever comes first
        self._settled = threading.Event()
        threading.Thread(target=self._wait, args=[asyncio.get_running_loop()], name="turn", daemon=True).start()

    def accepted(self) -> bool:
        """Take it, unless it is gone."""
        taken = self.fate.set_running_or_notify_cancel()
        self._settled.set()
        return taken

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        fcntl.flock(self.file, fcntl.LOCK_EX)
        try:
            loop.call_soon_threadsafe(self.made.set)
        except RuntimeError:  # the loop is closed
            self.file.close()
            return
        if not self._settled.wait(self._accept_s) and self.fate.cancel():
            self.file.close()


def is_free(file: TextIO) -> bool:
    """Take the lock on a file, if nobody has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
