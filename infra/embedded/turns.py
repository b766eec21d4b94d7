"""Whose turn it is to write: processes of one stack wait for each other here, where the kernel wakes whoever is next.

SQLite alone would have them ask again and again. Programs from outside the stack take no turn and are waited for as
before.
"""

from __future__ import annotations

import asyncio
import fcntl
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

FILE = "turn"  # in the data directory


class Turn(Protocol):
    """Held from before a transaction begins until after it has ended."""

    async def take(self, disk: Executor) -> None:
        """Wait for the others in a thread of `disk`."""

    def give(self) -> None:
        """Let the next one write; from any thread."""

    async def yielded(self) -> None:
        """Let those who wait come first, before the next `take`."""

    def close(self) -> None:
        """Give the file back."""


class NoTurn:
    """For a file that one process writes to."""

    async def take(self, disk: Executor) -> None: ...

    def give(self) -> None: ...

    async def yielded(self) -> None: ...

    def close(self) -> None: ...


class FileTurn:
    """For a file that several write to; the kernel gives it back for a process that died."""

    def __init__(self, data_dir: Path) -> None:
        self._file = (data_dir / FILE).open("a")

    async def take(self, disk: Executor) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.get_running_loop().run_in_executor(disk, fcntl.flock, self._file, fcntl.LOCK_EX)

    def give(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    async def yielded(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self._file.close()
