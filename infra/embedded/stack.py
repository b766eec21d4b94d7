"""Switchyard in one process: the manifest's functions, bus and store in one SQLite file, two HTTP ports."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType

import uvicorn

from infra.embedded.clock import Clock
from infra.embedded.database import Database
from infra.embedded.instance import GRACE_S, Instance
from infra.embedded.peers import Place
from infra.embedded.store import EmbeddedStore
from infra.embedded.turns import FileTurn
from infra.embedded.watch import LOOK_EVERY_S, ClockWatch
from infra.embedded.workers import Workers
from infra.errors import StackError
from infra.privacy_key import with_privacy_key
from infra.promoter import with_promoter
from infra.resources import Manifest
from shared.intent.registry import Registry
from shared.logs import log
from shared.serving.connections import IDLE_S
from shared.settings import Settings
from shared.wiring.composition import Ports

HOST = "127.0.0.1"
LOCK = "lock"
SWEEP_EVERY_S = LOOK_EVERY_S
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
        processes: int = 1,
    ) -> None:
        self.intake_url = self.console_url = self.chat_url = ""
        self.environment: dict[str, str] = {}
        self._settings = settings
        self._manifest = manifest if settings.chats.on else manifest.without("chat")
        self._sweep_every_s = sweep_every_s
        self._grace_s = grace_s
        self._clock = clock
        self._processes = processes
        self._instance: Instance
        self._workers: Workers
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

    @property
    def ports(self) -> Ports:
        """What the functions of this process use."""
        return self._instance.ports

    async def warm(self) -> None:
        """Load what the first task would otherwise wait for."""
        await self._instance.warm()

    def adopt(self, registry: Registry) -> None:
        """Go on with these intents: see `Instance.adopt`. Other processes are started again, with today's code.

        Raises:
            StackError: an executor does not load; nothing has changed.
        """
        self._instance.adopt(registry)
        self._workers.restart()

    async def _start(self) -> None:
        settings, cleanup = self._settings, self._cleanup
        data_dir = Path(settings.data_dir)
        cleanup.enter_context(_only_process(data_dir))
        settings = with_promoter(with_privacy_key(settings))
        intake = cleanup.enter_context(_listener(settings.intake_port, "INTAKE_URL_PORT"))
        console = cleanup.enter_context(_listener(settings.console_port, "CONSOLE_PORT"))
        chat = cleanup.enter_context(_listener(settings.chat_port, "CHAT_PORT")) if settings.chats.on else None
        turn = FileTurn(data_dir) if self._processes > 1 else None
        database = await Database.open(data_dir, self._clock, turn)
        cleanup.push_async_callback(database.close)
        place = Place(0, self._processes)
        self._instance = Instance(settings, self._manifest, place=place, grace_s=self._grace_s)
        store, watch = await cleanup.enter_async_context(self._instance.running(database))
        self._workers = Workers(self._processes - 1, database)
        await cleanup.enter_async_context(self._workers.running())
        await cleanup.enter_async_context(self._ticking(store, watch))
        self.intake_url = await cleanup.enter_async_context(self._serving("intake", intake))
        self.console_url = await cleanup.enter_async_context(self._serving("console", console))
        if chat:
            self.chat_url = await cleanup.enter_async_context(self._serving("chat", chat))

    @contextlib.asynccontextmanager
    async def _ticking(self, store: EmbeddedStore, watch: ClockWatch) -> AsyncIterator[None]:
        """Do what Cloud Scheduler and the TTL policy do in the cloud: at the start, then regularly, each by itself."""

        async def tick(what: str, work: Callable[[], Awaitable[object]]) -> None:
            while True:
                await _logged(what, work())
                await asyncio.sleep(self._sweep_every_s)

        works: dict[str, Callable[[], Awaitable[object]]] = {
            f.name: functools.partial(self._instance.post, f.name, JSON_HEADERS, b"{}", f.timeout_s)
            for f in self._instance.manifest.functions
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
            self._instance.apps[function],
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


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program: there are two servers, and more than servers to stop."""
        yield


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
