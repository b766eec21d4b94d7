"""Switchyard in one process: the manifest's functions, bus and store in one SQLite file, two HTTP ports."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue, with_document_events
from infra.embedded.clock import Clock
from infra.embedded.database import Database
from infra.embedded.functions import Deliver, call, hand, load_apps, load_deliveries
from infra.embedded.store import EmbeddedStore
from infra.embedded.watch import ClockWatch
from infra.errors import StackError
from infra.manifest import Manifest, build
from infra.privacy_key import with_privacy_key
from infra.promoter import with_promoter
from infra.queue import Delivery
from infra.relay import Relay
from shared import tracing
from shared.intent.registry import Registry
from shared.logs import log
from shared.serving.connections import IDLE_S
from shared.settings import Settings
from shared.wiring import composition
from shared.wiring.composition import Ports

HOST = "127.0.0.1"
LOCK = "lock"
SWEEP_EVERY_S = 60.0
GRACE_S = 10.0
JSON_HEADERS = {"content-type": "application/json"}


class Stack:
    """Everything, between `async with` and its end. What is in flight then and outlasts the grace comes again.

    `intake_url` and `console_url` are where it listens, `ports` what the functions use. Other processes that want to
    reach it need no variable in their `environment`.
    """

    def __init__(
        self,
        settings: Settings,
        manifest: Manifest,
        *,
        sweep_every_s: float = SWEEP_EVERY_S,
        grace_s: float = GRACE_S,
        clock: Clock | None = None,
    ) -> None:
        self.intake_url = self.console_url = ""
        self.environment: dict[str, str] = {}
        self.ports: Ports
        self._settings = settings
        self._manifest = with_document_events(manifest)
        self._sweep_every_s = sweep_every_s
        self._grace_s = grace_s
        self._clock = clock
        self._apps: dict[str, ASGIApp] = {}
        self._deliveries: dict[str, Deliver] = {}
        self._rewired: list[Callable[[Manifest], None]] = []  # what follows the manifest
        self._cleanup = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Stack:
        """Start everything.

        Raises:
            StackError: the data directory or a port is taken, the file is unusable, or a function does not load.
        """
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._cleanup.aclose()

    def adopt(self, registry: Registry) -> None:
        """Go on with these intents: the next delivery runs on what they are now, what is in flight on what it began.

        An intent that is gone is no longer offered to the model; its topic stays, so that its messages end on its
        last code.

        Raises:
            StackError: an executor does not load; nothing has changed.
        """
        before = self.ports.registry
        manifest = _with_retired(build(registry), self._manifest)
        self.ports.adopt(registry)
        try:
            executors = [f for f in build(registry).functions if "INTENT" in f.environment]
            apps, deliveries = load_apps(executors), load_deliveries(executors)
        except BaseException:
            self.ports.adopt(before)
            raise
        self._apps, self._deliveries = self._apps | apps, self._deliveries | deliveries
        self._manifest = manifest
        for rewire in self._rewired:
            rewire(manifest)

    async def _start(self) -> None:
        settings, cleanup = self._settings, self._cleanup
        data_dir = Path(settings.data_dir)
        cleanup.enter_context(_only_process(data_dir))
        settings = self._settings = with_promoter(with_privacy_key(settings))
        intake = cleanup.enter_context(_listener(settings.intake_port, "INTAKE_URL_PORT"))
        console = cleanup.enter_context(_listener(settings.console_port, "CONSOLE_PORT"))
        database = await Database.open(data_dir, self._clock)
        cleanup.push_async_callback(database.close)
        store = EmbeddedStore(database, project=settings.project, authid=_identity(settings))
        await cleanup.enter_async_context(self._wired(database, store))
        self._apps = load_apps(self._manifest.functions)
        self._deliveries = load_deliveries(self._manifest.functions)
        watch = await cleanup.enter_async_context(self._delivering(database))
        await cleanup.enter_async_context(self._ticking(store, watch))
        self.intake_url = await cleanup.enter_async_context(self._serving("intake", intake))
        self.console_url = await cleanup.enter_async_context(self._serving("console", console))

    @contextlib.asynccontextmanager
    async def _wired(self, database: Database, store: EmbeddedStore) -> AsyncIterator[None]:
        """Give the functions of this process their ports."""
        publisher = EmbeddedPublisher(database, self._manifest)
        self._rewired.append(publisher.rewire)
        clock, settings = database.clock, self._settings
        tracing.start(settings.tracing, settings.data_dir, settings.project)
        self.ports = Ports(self._settings, store, publisher, clock_trouble=lambda: clock.trouble)
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
        """Push every subscription's messages to its function; who watches the clock that they are due by."""
        queue = EmbeddedQueue(database, self._manifest, project=self._settings.project)
        watch = ClockWatch(database, queue)
        await watch.begin()
        await queue.release_leases()
        relay = Relay(queue, self._manifest, self._post, hand=self._hand, project=self._settings.project)
        self._rewired += [queue.rewire, relay.rewire]
        running = asyncio.create_task(relay.run(), name="relay")
        try:
            yield watch
        finally:
            await relay.stop(self._grace_s)
            await running

    @contextlib.asynccontextmanager
    async def _ticking(self, store: EmbeddedStore, watch: ClockWatch) -> AsyncIterator[None]:
        """Do what Cloud Scheduler and the TTL policy do in the cloud: at the start, then regularly, each by itself."""

        async def tick(what: str, work: Callable[[], Awaitable[object]]) -> None:
            while True:
                await _logged(what, work())
                await asyncio.sleep(self._sweep_every_s)

        works: dict[str, Callable[[], Awaitable[object]]] = {
            f.name: functools.partial(self._post, f.name, JSON_HEADERS, b"{}", f.timeout_s)
            for f in self._manifest.functions
            if f.trigger == "schedule"
        }
        works |= {"expiry": store.delete_expired, "clock": watch.look}
        ticking = [asyncio.create_task(tick(*work), name=f"schedule of {work[0]}") for work in works.items()]
        try:
            yield
        finally:
            for task in ticking:
                task.cancel()
            await asyncio.wait(ticking)

    @contextlib.asynccontextmanager
    async def _serving(self, function: str, listener: socket.socket) -> AsyncIterator[str]:
        """Serve one function over HTTP; its URL."""
        config = uvicorn.Config(
            self._apps[function],
            log_config=None,
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=math.ceil(self._grace_s),
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name=function)
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait([serving])

    async def _post(self, function: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        """Call a function as the cloud does."""
        return await self._ended(function, timeout_s, call(self._apps[function], headers, body))

    def _hand(self, function: str, delivery: Delivery, timeout_s: float) -> Awaitable[int] | None:
        """Hand a function a message; None: it takes none without HTTP."""
        deliver = self._deliveries.get(function)
        return self._ended(function, timeout_s, hand(deliver, delivery)) if deliver else None

    async def _ended(self, function: str, timeout_s: float, answer: Awaitable[int]) -> int:
        """End a function at its own timeout."""
        async with asyncio.timeout(min(timeout_s, self._manifest.function(function).timeout_s)):
            return await answer


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program: there are two servers, and more than servers to stop."""
        yield


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


@contextlib.contextmanager
def _only_process(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; the kernel lets go of it however this process ends."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / LOCK).open("a")
    except OSError as error:
        raise StackError(
            f"{data_dir} cannot be written ({error.strerror}); check DATA_DIR and its permissions"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"{data_dir} is in use by another process; stop that one or set DATA_DIR") from None
        yield


@contextlib.contextmanager
def _listener(port: int, setting: str) -> Iterator[socket.socket]:
    """Take a port before anything starts."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(2048)
        except OSError as error:
            raise StackError(f"port {port} cannot be used ({error.strerror}); set {setting} to another one") from error
        yield listener


async def _logged(what: str, work: Awaitable[object]) -> None:
    """Go on after a failure; the next tick tries again."""
    try:
        await work
    except Exception as error:
        log("ERROR", "scheduled work failed", function=what, error_type=type(error).__name__)
