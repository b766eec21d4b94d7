"""The stack in one process, made to be broken: `infra.run` on one data folder, started again whenever it ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, redirect_stderr
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGSTOP, SIGTERM
from typing import Self

from infra.embedded.bus import EmbeddedPublisher, with_document_events
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from infra.emulators.process import HOST, Process, free_port, keep_running
from infra.manifest import build
from infra.running import DEVELOPER
from shared.intent.registry import discover
from shared.task.schemas import ResultMessage
from shared.topics import RESULTS
from tests.chaos.ground import START_TIMEOUT_S, Target, result_of

LONGEST_PAUSE_S = 1.0  # a process that is killed while it starts is no reason to wait
BLOWS = {SIGKILL: 6.0, SIGTERM: 2.0, SIGSTOP: 2.0}


class Embedded:
    """See `Ground`. Documents and topics are reached from outside, through the file, as by a person's own script."""

    def __init__(self, env: Mapping[str, str], logs: Path) -> None:
        self._logs = logs
        ports = {"INTAKE_URL_PORT": str(free_port()), "CONSOLE_PORT": str(free_port())}
        self._env = {**env, **ports, "BACKEND": "embedded"}
        self._process = Process("stack", [sys.executable, "-m", "infra.run"], logs / "stack.log", self._env)
        self.targets: Sequence[Target] = [Target("stack", self._process, BLOWS)]
        self.intakes = [f"http://{HOST}:{ports['INTAKE_URL_PORT']}"]
        self.consoles = [f"http://{HOST}:{ports['CONSOLE_PORT']}"]
        self._manifest = with_document_events(build(discover()))
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start it, and open its file from outside."""
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _start(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        diary = self._exits.enter_context((self._logs / "keepers.log").open("w", buffering=1))
        self._exits.enter_context(redirect_stderr(diary))
        self._exits.push_async_callback(self._process.stop)
        await self._process.start()
        ready = partial(self._process.ready, f"{self.intakes[0]}/healthz", START_TIMEOUT_S)
        await ready()
        self._keeper = asyncio.create_task(keep_running(self._process, ready, longest_pause_s=LONGEST_PAUSE_S))
        self._exits.push_async_callback(self._stop_keeper)
        self._database = await Database.open(Path(self._env["DATA_DIR"]))
        self._exits.push_async_callback(self._database.close)
        self.store = EmbeddedStore(self._database, authid=DEVELOPER)
        self.publisher = EmbeddedPublisher(self._database, self._manifest)

    async def _stop_keeper(self) -> None:
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)

    def under_way(self, healed_s: float, still_s: float) -> list[str]:
        """See `Ground`."""
        found = self._database.read("SELECT subscription, count(*) FROM queue GROUP BY subscription")
        return [f"{count} messages are left in {name}" for name, count in found]

    async def hush(self) -> None:
        """See `Ground`."""
        await self._stop_keeper()
        await self._process.stop()

    async def left_over(self) -> list[str]:
        """See `Ground`."""
        return self.under_way(0.0, 0.0)

    async def results(self) -> list[ResultMessage]:
        """See `Ground`."""
        rows = self._database.read("SELECT data FROM unsubscribed WHERE topic = ?", (RESULTS,))
        return [result_of(data) for (data,) in rows]
