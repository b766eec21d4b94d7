"""`BACKEND=emulators`: Google's emulators, every function as its own process, and what Google does between them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.emulators.calls import Calls
from infra.emulators.deliveries import Deliveries
from infra.emulators.functions import Functions, environment_of
from infra.emulators.provision import provision
from infra.emulators.sdk import emulators
from infra.manifest import build
from infra.privacy_key import with_privacy_key
from infra.promoter import with_promoter
from infra.resources import Manifest
from shared.intent.registry import discover
from shared.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent


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
        manifest = build(discover()) if manifest is None else manifest
        self._manifest = manifest if settings.chats.on else manifest.without("chat")
        self._root = root
        self._pythons = pythons or {}
        self._logs = logs or Path(settings.data_dir) / "emulators"
        self._sweep_every_s = sweep_every_s
        self._exits = AsyncExitStack()
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

    @property
    def chat_url(self) -> str:
        """Where a chat calls; empty where none does."""
        return self.url("chat") if self._settings.chats.on else ""

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
        settings, manifest = with_promoter(with_privacy_key(self._settings)), self._manifest
        self.environment = await self._exits.enter_async_context(emulators(self._logs))
        self._exits.enter_context(environment(self.environment))
        await provision(manifest, settings.project, settings.topic_prefix)
        self.functions = Functions(
            manifest,
            self._root,
            self._logs,
            {**self.environment, **environment_of(settings)},
            ports={"intake": settings.intake_port, "console": settings.console_port, "chat": settings.chat_port},
            pythons=self._pythons,
        )
        self._exits.push_async_callback(self.functions.stop)
        await self.functions.start()
        calls = Calls({function.name: [self.url(function.name)] for function in manifest.functions})
        self._exits.push_async_callback(calls.close)
        deliveries = Deliveries(settings, manifest, calls.post, sweep_every_s=self._sweep_every_s)
        await self._exits.enter_async_context(deliveries)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
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
