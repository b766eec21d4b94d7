"""`BACKEND=emulators`: Google's emulators, every function as its own process, and what Google does between them.

Between them means: Pub/Sub's push (the relay), Eventarc's document trigger, Cloud Scheduler's minute.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.emulators.approvals import ApprovalWatcher, Event
from infra.emulators.functions import Functions
from infra.emulators.provision import provision
from infra.emulators.queue import PubsubQueue
from infra.emulators.sdk import emulators
from infra.manifest import Function, Manifest, build
from infra.relay import Relay
from shared.intents import discover
from shared.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
STOP_GRACE_S = 5.0
EVENT_TRIES = 6
EVENT_PAUSE_S = 1.0
EVENTS_IN_FLIGHT = 10


class Stack:
    """`async with Stack(settings) as stack`: everything is up inside, everything is down after.

    `manifest` and `root` say what to run and where its modules lie; `pythons` names another interpreter for some
    functions; `logs` is where the processes write (default: a folder of the data directory).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        manifest: Manifest | None = None,
        root: Path = ROOT,
        pythons: Mapping[str, str] | None = None,
        logs: Path | None = None,
        sweep_every_s: float = 60.0,
    ) -> None:
        self._settings = settings
        self._manifest = build(discover()) if manifest is None else manifest
        self._root = root
        self._pythons = pythons or {}
        self._logs = logs or Path(settings.data_dir) / "emulators"
        self._sweep_every_s = sweep_every_s
        self._exits = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self.environment: Mapping[str, str] = {}  # what other processes need to reach the emulators
        self.functions: Functions

    def url(self, function: str) -> str:
        """Return where a function listens."""
        return self.functions.url(function)

    @property
    def intake_url(self) -> str:
        """Where sources post."""
        return self.url("intake")

    @property
    def console_url(self) -> str:
        """Where people decide."""
        return self.url("console")

    async def __aenter__(self) -> Self:
        """Start everything, in the order of dependence.

        Raises:
            StackError: something is missing or does not start; nothing is left running.
        """
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, what was started last first."""
        await self._exits.aclose()

    async def _start(self) -> None:
        settings, manifest = self._settings, self._manifest
        self.environment = await self._exits.enter_async_context(emulators(self._logs))
        self._exits.enter_context(_environment(self.environment))
        await provision(manifest, settings.project, settings.topic_prefix)
        self.functions = Functions(
            manifest,
            self._root,
            self._logs,
            {
                **self.environment,
                "BACKEND": "emulators",
                "GOOGLE_CLOUD_PROJECT": settings.project,
                "TOPIC_PREFIX": settings.topic_prefix,
            },
            ports={"intake": settings.intake_port, "console": settings.console_port},
            pythons=self._pythons,
        )
        self._exits.push_async_callback(self.functions.stop)
        await self.functions.start()
        queue = PubsubQueue(settings.project, manifest.subscriptions, settings.topic_prefix)
        self._exits.push_async_callback(queue.close)
        relay = Relay(queue, manifest, self.functions.post, project=settings.project)
        self._exits.push_async_callback(self._stop_tasks)
        self._exits.push_async_callback(relay.stop, STOP_GRACE_S)
        self._spawn("relay", relay.run())
        for function in manifest.functions:
            if function.trigger == "schedule":
                self._spawn(f"schedule of {function.name}", self._tick(function))
            elif function.trigger == "document":
                self._spawn(f"document trigger of {function.name}", self._watch(function))

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_report)
        self._tasks.append(task)

    async def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tick(self, function: Function) -> None:
        """Call the function at once and then at every interval, as Cloud Scheduler would."""
        while True:
            await self._try(function, {"content-type": "application/json"}, b"{}")
            await asyncio.sleep(self._sweep_every_s)

    async def _watch(self, function: Function) -> None:
        """Send the function every change of an open approval, as Eventarc would."""
        slots = asyncio.Semaphore(EVENTS_IN_FLIGHT)
        async with asyncio.TaskGroup() as flying, aclosing(ApprovalWatcher(self._settings.project).events()) as events:
            async for event in events:
                await slots.acquire()
                flying.create_task(self._send(function, event)).add_done_callback(lambda _: slots.release())

    async def _send(self, function: Function, event: Event) -> None:
        for n in range(EVENT_TRIES):
            if await self._try(function, *event):
                return
            await asyncio.sleep(EVENT_PAUSE_S * 2**n)
        print(
            f"switchyard: gave up on an event of {event[0]['ce-document']}; the sweeper will see to it", file=sys.stderr
        )

    async def _try(self, function: Function, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            return await self.functions.post(function.name, headers, body, function.timeout_s) < 300
        except Exception:  # a function that is being restarted refuses connections
            return False


def _report(task: asyncio.Task[None]) -> None:
    """Say that something ended which should live as long as the stack."""
    if not task.cancelled() and (error := task.exception()):
        print(f"switchyard: the {task.get_name()} ended: {error!r}", file=sys.stderr)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while inside: Google's clients find the emulators through nothing else."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
