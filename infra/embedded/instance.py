"""The manifest's functions in this process: their ports, and the deliveries that it makes to them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace

from starlette.types import ASGIApp

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue, with_document_events
from infra.embedded.database import Database
from infra.embedded.functions import Deliver, call, hand, load_apps, load_deliveries
from infra.embedded.peers import Place
from infra.embedded.store import EmbeddedStore
from infra.embedded.watch import ClockWatch
from infra.manifest import build
from infra.queue import Delivery
from infra.relay import Relay
from infra.resources import Function, Manifest
from shared import tracing
from shared.intent.registry import Registry
from shared.settings import Settings
from shared.wiring import composition
from shared.wiring.composition import Ports

GRACE_S = 10.0


class Instance:
    """What an instance is in the cloud: `place` says which of how many. `ports` are what its functions use."""

    def __init__(self, settings: Settings, manifest: Manifest, *, place: Place, grace_s: float) -> None:
        self.ports: Ports
        self.apps: dict[str, ASGIApp] = {}
        self.manifest = with_document_events(manifest)
        self._settings = place.settings(settings)
        self._place = place
        self._grace_s = grace_s
        self._deliveries: dict[str, Deliver] = {}
        self._rewired: list[Callable[[Manifest], None]] = []  # what follows the manifest

    async def warm(self) -> None:
        """Load, in a thread, what the first task would otherwise wait for; nothing is asked of anybody."""
        await asyncio.to_thread(importlib.import_module, "httpx")
        await asyncio.to_thread(getattr, self.ports.classifier, "model")  # a local one learns first
        if self._settings.classifier != "local" and self._settings.coalesce > 1:
            await self.ports.local.learn()

    def adopt(self, registry: Registry) -> None:
        """Go on with these intents: the next delivery runs on what they are now, what is in flight on what it began.

        An intent that is gone is no longer offered to the model; its topic stays, so that its messages end on its
        last code.

        Raises:
            StackError: an executor does not load; nothing has changed.
        """
        before = self.ports.registry
        manifest = _with_retired(build(registry), self.manifest)
        self.ports.adopt(registry)
        try:
            executors = [f for f in build(registry).functions if "INTENT" in f.environment]
            apps, deliveries = load_apps(executors), load_deliveries(executors)
        except BaseException:
            self.ports.adopt(before)
            raise
        self.apps, self._deliveries = self.apps | apps, self._deliveries | deliveries
        self.manifest = manifest
        for rewire in self._rewired:
            rewire(self._place.manifest(manifest))

    @contextlib.asynccontextmanager
    async def running(self, database: Database) -> AsyncIterator[tuple[EmbeddedStore, ClockWatch]]:
        """Load the functions and deliver to them; the store, and who watches the clock that deliveries are due by.

        Raises:
            StackError: a function does not load.
        """
        store = EmbeddedStore(database, project=self._settings.project, authid=_identity(self._settings))
        async with self._wired(database, store):
            functions = self._mine()
            self.apps, self._deliveries = load_apps(functions), load_deliveries(functions)
            if self._place.number:  # nobody waits for this process: what it loads late would hold up what it has leased
                await self.warm()
            async with self._delivering(database) as watch:
                yield store, watch

    def _mine(self) -> list[Function]:
        """Return the functions that this process runs; those that nobody delivers to are the first one's."""
        delivered = {s.function for s in self.manifest.subscriptions}
        return [f for f in self.manifest.functions if f.name in delivered or not self._place.number]

    @contextlib.asynccontextmanager
    async def _wired(self, database: Database, store: EmbeddedStore) -> AsyncIterator[None]:
        """Give the functions of this process their ports."""
        publisher = EmbeddedPublisher(database, self.manifest)
        self._rewired.append(publisher.rewire)
        clock, settings = database.clock, self._settings
        tracing.start(settings.tracing, settings.data_dir, settings.project)
        self.ports = Ports(settings, store, publisher, clock_trouble=lambda: clock.trouble)
        composition.install(self.ports)
        try:
            yield
        finally:
            tracing.stop()
            composition.install(None)
            if "classifier" in vars(self.ports):  # built on first use
                await self.ports.classifier.close()

    @contextlib.asynccontextmanager
    async def _delivering(self, database: Database) -> AsyncIterator[ClockWatch]:
        """Push this process's share of every subscription's messages to its function."""
        mine, project = self._place.manifest(self.manifest), self._settings.project
        queue = EmbeddedQueue(database, mine, project=project, number=self._place.number)
        watch = ClockWatch(database, queue)
        await watch.begin()
        await queue.release_leases(all_of_them=self._place.number == 0)  # the first one starts before all others
        relay = Relay(queue, mine, self.post, hand=self._hand, project=project)
        self._rewired += [queue.rewire, relay.rewire]
        running = asyncio.create_task(relay.run(), name="relay")
        try:
            yield watch
        finally:
            await relay.stop(self._grace_s)
            await running

    async def post(self, function: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        """Call a function as the cloud does."""
        return await self._ended(function, timeout_s, call(self.apps[function], headers, body))

    def _hand(self, function: str, delivery: Delivery, timeout_s: float) -> Awaitable[int] | None:
        """Hand a function a message; None: it takes none without HTTP."""
        deliver = self._deliveries.get(function)
        return self._ended(function, timeout_s, hand(deliver, delivery)) if deliver else None

    async def _ended(self, function: str, timeout_s: float, answer: Awaitable[int]) -> int:
        """End a function at its own timeout."""
        async with asyncio.timeout(min(timeout_s, self.manifest.function(function).timeout_s)):
            return await answer


def _with_retired(manifest: Manifest, before: Manifest) -> Manifest:
    """Return the manifest, and what only the one before it has: functions and topics of intents that are gone."""
    functions = {f.name: f for f in (*before.functions, *manifest.functions)}
    subscriptions = {s.name: s for s in (*before.subscriptions, *manifest.subscriptions)}
    return replace(
        manifest,
        functions=tuple(functions.values()),
        topics=tuple(dict.fromkeys((*before.topics, *manifest.topics))),
        subscriptions=tuple(subscriptions.values()),
    )


def _identity(settings: Settings) -> str:
    return f"switchyard@{settings.project}.iam.gserviceaccount.com"
