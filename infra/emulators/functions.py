"""The manifest's functions as functions-framework processes of this machine."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from infra.emulators.process import HOST, Process, free_port, is_free, keep_running
from infra.errors import StackError
from infra.resources import Function, Manifest
from shared.settings import Settings

READY_TIMEOUT_S = 60.0


class Functions:
    """One process per function; one that dies is started again, with a line on stderr.

    `ports` fixes the port of some functions, `pythons` their interpreter (default: this one). `processes` holds each
    function's process by the function's name.
    """

    def __init__(
        self,
        manifest: Manifest,
        root: Path,
        logs: Path,
        env: Mapping[str, str],
        *,
        ports: Mapping[str, int],
        pythons: Mapping[str, str],
    ) -> None:
        self._ports = {f.name: ports.get(f.name) or free_port() for f in manifest.functions}
        self.processes = {
            f.name: Process(
                f"function {f.name}",
                _command(f, root, pythons.get(f.name, sys.executable), self._ports[f.name]),
                logs / f"{f.name}.log",
                os.environ | env | {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1", **f.environment},
            )
            for f in manifest.functions
        }
        self._keepers: list[asyncio.Task[None]] = []

    def url(self, function: str) -> str:
        """Return where the function listens."""
        return f"http://{HOST}:{self._ports[function]}"

    async def start(self) -> None:
        """Start all and wait until each has loaded its code.

        Raises:
            StackError: a port is taken, or a function does not start.
        """
        for name, port in self._ports.items():
            if not is_free(port):
                raise StackError(
                    f"port {port} is taken; {name} needs it (INTAKE_URL_PORT, CONSOLE_PORT and CHAT_PORT choose others)"
                )
        for process in self.processes.values():
            await process.start()
        await asyncio.gather(*map(self._ready, self.processes))
        self._keepers = [
            asyncio.create_task(keep_running(process, partial(self._ready, name)))
            for name, process in self.processes.items()
        ]

    async def stop(self) -> None:
        """Stop all processes, and all restarts first."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in self.processes.values()))

    async def _ready(self, name: str) -> None:
        # The framework itself answers this path (404); every other would call the function.
        await self.processes[name].ready(f"{self.url(name)}/robots.txt", READY_TIMEOUT_S)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables that make functions work on the emulators, for this project and these topics."""
    return {
        "BACKEND": "emulators",
        "GOOGLE_CLOUD_PROJECT": settings.project,
        "FIRESTORE_DATABASE": settings.database,
        "TOPIC_PREFIX": settings.topic_prefix,
        "PRIVACY_KEY": settings.privacy_key,
        "PROMOTERS": ",".join(sorted(settings.promoters)),
        "DATA_DIR": str(Path(settings.data_dir).absolute()),  # where all of them write their spans
        "TRACING": settings.tracing.exporter,
        "TRACING_RATIO": str(settings.tracing.ratio),
    }


def _command(function: Function, root: Path, python: str, port: int) -> list[str]:
    source = root.joinpath(*function.module.split(".")).with_suffix(".py")
    place = ["--source", str(source), "--target", function.target, "--host", HOST, "--port", str(port)]
    return [python, "-m", "functions_framework", *place]
