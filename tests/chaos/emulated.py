"""The stack on Google's emulators, made to be broken: functions twice, a relay process, proxies between."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, redirect_stderr
from dataclasses import replace
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2
from typing import Self

from infra.emulators.functions import Functions, environment_of
from infra.emulators.process import HOST, Process, free_port, keep_running
from infra.emulators.provision import provision
from infra.emulators.queue import PubsubQueue
from infra.emulators.sdk import emulators
from infra.emulators.stack import environment
from infra.resources import Subscription
from shared.settings import Settings, load
from shared.task.schemas import ResultMessage
from shared.topics import RESULTS
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.adapters.pubsub import PubsubPublisher
from tests.chaos.ground import ROOT, START_TIMEOUT_S, Target, result_of
from tests.chaos.relay import Wiring, manifest

READER = Subscription("chaos-results", RESULTS, "nobody", 600, 0.1, 0.1, 5, None)
FUNCTION_BLOWS = {SIGKILL: 5.0, SIGTERM: 2.0, SIGSTOP: 3.0}
RELAY_BLOWS = {SIGKILL: 2.0, SIGTERM: 1.0, SIGSTOP: 1.0}
PROXY_BLOWS = {SIGUSR1: 3.0, SIGUSR2: 4.0, SIGSTOP: 1.0}
LOOK_S = 1.0
SLACK_S = 5.0


class Emulated:
    """See `Ground`. `env` is for every process; `twice` gives every function a second instance."""

    def __init__(
        self,
        env: Mapping[str, str],
        logs: Path,
        *,
        seed: int,
        sweep_every_s: float,
        ack_deadline_s: int | None,
        twice: bool,
    ) -> None:
        self.targets: Sequence[Target] = ()
        self._env, self._logs, self._seed, self._twice = env, logs, seed, twice
        self._sweep_every_s, self._ack_deadline_s = sweep_every_s, ack_deadline_s
        self._manifest = manifest(ack_deadline_s)
        self._settings = replace(load(env), backend="emulators", intake_port=0, console_port=0)
        self._instances: list[Functions] = []
        self._exits = AsyncExitStack()
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def intakes(self) -> Sequence[str]:
        """See `Ground`."""
        return [functions.url("intake") for functions in self._instances]

    @property
    def consoles(self) -> Sequence[str]:
        """See `Ground`."""
        return [functions.url("console") for functions in self._instances]

    async def __aenter__(self) -> Self:
        """Start everything; what the keepers say of restarts goes into a log."""
        try:
            await self._start(self._settings)
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _start(self, settings: Settings) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        diary = self._exits.enter_context((self._logs / "keepers.log").open("w", buffering=1))
        self._exits.enter_context(redirect_stderr(diary))
        self._exits.enter_context(environment(self._env))
        hosts = await self._exits.enter_async_context(emulators(self._logs / "emulators"))
        proxies = [await self._proxy(n, *pair) for n, pair in enumerate(hosts.items())]
        self._exits.enter_context(environment({variable: host for _, variable, host in proxies}))
        with_reader = replace(self._manifest, subscriptions=(*self._manifest.subscriptions, READER))
        await provision(with_reader, settings.project)
        self._exits.push_async_callback(self._stop_keepers)
        for n in range(2 if self._twice else 1):
            await self._functions(n, environment_of(settings))
        self._relay = await self._start_relay(environment_of(settings))
        self.store, self.publisher = FirestoreStore(settings.project), PubsubPublisher(settings.project)
        self._queue = PubsubQueue(settings.project, with_reader.subscriptions)
        for port in (self.store, self.publisher, self._queue):
            self._exits.push_async_callback(port.close)
        self.targets = self._all_targets([process for process, _, _ in proxies])

    async def _proxy(self, n: int, variable: str, host: str) -> tuple[Process, str, str]:
        port = free_port()
        command = [sys.executable, "-m", "tests.chaos.proxy", str(port), host, str(self._seed + n)]
        process = Process(f"proxy of {variable}", command, self._logs / f"proxy-{n}.log")
        self._exits.push_async_callback(process.stop)
        await process.start()
        await process.ready(f"http://{HOST}:{port}/", START_TIMEOUT_S)
        return process, variable, f"{HOST}:{port}"

    async def _functions(self, n: int, env: Mapping[str, str]) -> None:
        functions = Functions(self._manifest, ROOT, self._logs / f"functions-{n}", env, ports={}, pythons={})
        self._exits.push_async_callback(functions.stop)
        self._instances.append(functions)
        await functions.start()

    async def _start_relay(self, env: Mapping[str, str]) -> Process:
        names = [function.name for function in self._manifest.functions]
        urls = {name: [functions.url(name) for functions in self._instances] for name in names}
        wiring = self._logs / "wiring.json"
        Wiring(urls, self._sweep_every_s, self._ack_deadline_s).write(wiring)
        command = [sys.executable, "-m", "tests.chaos.relay", str(wiring)]
        relay = Process("relay", command, self._logs / "relay.log", os.environ | env)
        self._exits.push_async_callback(relay.stop)
        await relay.start()
        self._keepers.append(asyncio.create_task(keep_running(relay, partial(asyncio.sleep, 0))))
        return relay

    def _all_targets(self, proxies: Sequence[Process]) -> list[Target]:
        functions = [
            Target(name, process, FUNCTION_BLOWS)
            for instance in self._instances
            for name, process in instance.processes.items()
        ]
        every = len(functions)
        relay = Target("relay", self._relay, RELAY_BLOWS, every / 8)
        return [*functions, relay, *(Target("connections", proxy, PROXY_BLOWS, every / 6) for proxy in proxies)]

    async def _stop_keepers(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def under_way(self, healed_s: float, still_s: float) -> list[str]:
        """See `Ground`. The emulator does not tell; but what a dead relay had taken is back after its deadline.

        What was refused while a task ran is back after its pause, and finds the task done.
        """
        pause_s = max(s.max_backoff_s for s in self._manifest.subscriptions) + SLACK_S
        deadline_s = max(s.ack_deadline_s for s in self._manifest.subscriptions)
        left_s = pause_s + max(deadline_s - healed_s, -still_s)
        return [f"deliveries may come back for {left_s:.0f} s"] if left_s > 0 else []

    async def hush(self) -> None:
        """See `Ground`."""
        await self._stop_keepers()
        await self._relay.stop()

    async def left_over(self) -> list[str]:
        """See `Ground`."""
        names = [subscription.name for subscription in self._manifest.subscriptions]
        found = await asyncio.gather(*(self._queue.pull(name, 100, LOOK_S) for name in names))
        return [f"{len(left)} messages are left in {name}" for name, left in zip(names, found, strict=True) if left]

    async def results(self) -> list[ResultMessage]:
        """See `Ground`."""
        read: list[ResultMessage] = []
        while messages := await self._queue.pull(READER.name, 100, LOOK_S):
            read += [result_of(message.data) for message in messages]
            for message in messages:
                await self._queue.ack(message)
        return read
