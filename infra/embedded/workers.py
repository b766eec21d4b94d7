"""More processes for a stack's deliveries: started after the first one and again when they die, stopped with it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Collection, Sequence

from infra.embedded.database import Database
from infra.embedded.peers import Line, Place
from shared.logs import log

PROGRAM = ["-m", "infra.embedded.worker"]
PAUSE_S = 1.0  # before one that died is started again
STOP_TIMEOUT_S = 15.0  # more than what is in flight may take


class Workers:
    """The processes beside the first one. Each word of who has messages goes to all others."""

    def __init__(
        self, number: int, database: Database, *, program: Sequence[str] = PROGRAM, pause_s: float = PAUSE_S
    ) -> None:
        self._program, self._pause_s = program, pause_s
        self._places = [Place(n, number + 1) for n in range(1, number + 1)]
        self._database = database
        self._lines: dict[Place, Line] = {}
        self._running: dict[Place, asyncio.subprocess.Process] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep them running."""
        self._database.tell = self._tell
        keeping = [asyncio.create_task(self._keep(place), name=f"worker {place.number}") for place in self._places]
        try:
            yield
        finally:
            for task in keeping:
                task.cancel()
            if keeping:
                await asyncio.wait(keeping)

    def restart(self) -> None:
        """End them in their own time: what is started in their place has today's code."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    async def _keep(self, place: Place) -> None:
        while True:
            status = await self._run(place)
            if status not in (0, -signal.SIGTERM):  # nobody asked it to end
                log("ERROR", "a worker ended and is started again", function="run", status=status, count=place.number)
                await asyncio.sleep(self._pause_s)

    async def _run(self, place: Place) -> int:
        """Run one process until it ends, or this task does."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        line = Line(ours, lambda channels: self._heard(place, channels))
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *self._program,
                    f"{place.number}/{place.of}",
                    str(theirs.fileno()),
                    stdin=asyncio.subprocess.PIPE,  # closed by the kernel when we end, however we end
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C is for the first process, which stops the others
                )
            self._lines[place], self._running[place] = line, process
            try:
                return await process.wait()
            finally:
                await _stopped(process)
        finally:
            self._lines.pop(place, None)
            self._running.pop(place, None)
            line.close()

    def _tell(self, channels: Collection[str]) -> None:
        for line in self._lines.values():
            line.say(channels)

    def _heard(self, place: Place, channels: Collection[str]) -> None:
        self._database.wake(channels)
        for other, line in self._lines.items():
            if other != place:
                line.say(channels)


async def _stopped(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and end it if it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
