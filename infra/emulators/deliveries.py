"""What Google does between the functions: Pub/Sub's push, Eventarc's document trigger, Cloud Scheduler's minute."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing
from types import TracebackType
from typing import Any, Self

from infra.emulators.approvals import ApprovalWatcher, Event
from infra.emulators.queue import GATHER_S, PubsubQueue
from infra.relay import ACKNOWLEDGED, Post, Relay
from infra.resources import Function, Manifest
from shared.logs import say
from shared.settings import Settings

STOP_GRACE_S = 5.0
EVENT_TRIES = 6
EVENT_PAUSE_S = 1.0
EVENTS_IN_FLIGHT = 10


class Deliveries:
    """Everything is delivered between `async with` and its end. Google's clients find the emulators by environment."""

    def __init__(self, settings: Settings, manifest: Manifest, post: Post, *, sweep_every_s: float) -> None:
        self._settings = settings
        self._manifest = manifest
        self._post = post
        self._sweep_every_s = sweep_every_s
        self._exits = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Begin to deliver."""
        settings, manifest = self._settings, self._manifest
        queue = PubsubQueue(settings.project, manifest.subscriptions, settings.topic_prefix)
        self._exits.push_async_callback(queue.close)
        relay = Relay(queue, manifest, self._post, project=settings.project, gather_s=GATHER_S)
        self._exits.push_async_callback(self._stop_tasks)
        self._exits.push_async_callback(relay.stop, STOP_GRACE_S)
        self._spawn("relay", relay.run())
        for function in manifest.functions:
            if function.trigger == "schedule":
                self._spawn(f"schedule of {function.name}", self._tick(function))
            elif function.trigger == "document":
                self._spawn(f"document trigger of {function.name}", self._watch(function))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Deliver no more; what is in flight gets a few seconds."""
        await self._exits.aclose()

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
        watcher = ApprovalWatcher(self._settings.project, self._settings.database)
        async with asyncio.TaskGroup() as flying, aclosing(watcher.events()) as events:
            async for event in events:
                await slots.acquire()
                flying.create_task(self._send(function, event)).add_done_callback(lambda _: slots.release())

    async def _send(self, function: Function, event: Event) -> None:
        for n in range(EVENT_TRIES):
            if await self._try(function, *event):
                return
            await asyncio.sleep(EVENT_PAUSE_S * 2**n)
        say(f"switchyard: gave up on an event of {event[0]['ce-document']}; the sweeper will see to it", sys.stderr)

    async def _try(self, function: Function, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            return await self._post(function.name, headers, body, function.timeout_s) in ACKNOWLEDGED
        except Exception:  # a function that is being restarted refuses connections
            return False


def _report(task: asyncio.Task[None]) -> None:
    """Say that something ended which should live as long as the stack."""
    if not task.cancelled() and (error := task.exception()):
        say(f"switchyard: the {task.get_name()} ended: {error!r}", sys.stderr)
