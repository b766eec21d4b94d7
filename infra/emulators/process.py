"""One child process: started with its output in a log file, awaited until it answers, stopped with its children."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import httpx

from infra.errors import StackError
from shared.logs import say

STOP_GRACE_S = 5.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
POLL_S = 0.05
HOST = "127.0.0.1"
KEPT_PORTS = 64  # more than any stack has
_keepers: deque[socket.socket] = deque()


class Process:
    """A server of its own process group, so that stopping it reaches whatever it started."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._command = command
        self._log = log
        self._env = env
        self._child: asyncio.subprocess.Process | None = None
        self._was_started = False

    async def start(self) -> None:
        """Start it, or start it again; its log begins anew the first time, so that it tells why it ended.

        Raises:
            StackError: the program cannot be run.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab" if self._was_started else "wb") as log:
            try:
                self._child = await asyncio.create_subprocess_exec(
                    *self._command,
                    env=self._env,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise StackError(f"{self.name} cannot be started: {error}") from error
        self._was_started = True

    async def ready(self, url: str, timeout_s: float) -> None:
        """Return once `url` answers, whatever the status.

        Raises:
            StackError: it ended, or did not answer in time; the message quotes its log.
        """
        async with httpx.AsyncClient(timeout=timeout_s, trust_env=False) as client:
            try:
                async with asyncio.timeout(timeout_s):
                    while not await _answers(client, url):
                        if self._child is None or self._child.returncode is not None:
                            raise StackError(f"{self.name} ended while starting: {self._last_words()}")
                        await asyncio.sleep(POLL_S)
            except TimeoutError:
                raise StackError(f"{self.name} was not ready after {timeout_s:g} s: {self._last_words()}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group. Harmless if it is not running."""
        if self._child is not None and self._child.returncode is None:
            _signal_group(self._child.pid, number)

    async def ended(self) -> int:
        """Wait until it ends and return its exit status."""
        assert self._child is not None
        return await self._child.wait()

    async def stop(self) -> None:
        """End the whole process group, gently for `STOP_GRACE_S` seconds, then not. Harmless if it is not running."""
        if self._child is None:
            return
        _signal_group(self._child.pid, signal.SIGTERM)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_GRACE_S):
                    await self._child.wait()
        finally:
            _signal_group(self._child.pid, signal.SIGKILL)
            await self._child.wait()
            self._child = None

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n") if self._log.exists() else []
        said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return f"{said[:200]} (see {self._log})"


async def keep_running(
    process: Process, ready: Callable[[], Awaitable[None]], *, longest_pause_s: float = LONGEST_PAUSE_S
) -> None:
    """Start a running process again whenever it ends, for ever, with a line on stderr; `ready` waits until it serves.

    The pause between two starts grows while it does not become ready.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        status = await process.ended()
        say(f"switchyard: {process.name} ended (status {status}); starting it again", sys.stderr)
        await process.stop()
        await asyncio.sleep(pause_s)
        try:
            await process.start()
            await ready()
            pause_s = FIRST_PAUSE_S
        except StackError as error:
            say(f"switchyard: {error}", sys.stderr)
            pause_s = min(pause_s * 2, longest_pause_s)


def free_port() -> int:
    """Return a port that is nobody's: this process, or one that it starts, can listen there.

    On Linux nobody else is given it meanwhile: a socket keeps it that does not listen, for the latest `KEPT_PORTS`.
    """
    keeper = socket.socket()
    keeper.bind((HOST, 0))
    port: int = keeper.getsockname()[1]
    if sys.platform != "linux":  # elsewhere a port that is kept is taken for servers as well
        keeper.close()
        return port
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # servers set it too, and so may listen all the same
    _keepers.append(keeper)
    while len(_keepers) > KEPT_PORTS:
        _keepers.popleft().close()
    return port


@atexit.register
def _keep_no_longer() -> None:
    while _keepers:
        _keepers.popleft().close()


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        await client.get(url)
    except httpx.TransportError:
        return False
    return True


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)
