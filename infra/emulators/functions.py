"""The manifest's functions as functions-framework processes, and the requests that Google would send them."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from infra.emulators.process import HOST, Process, free_port, is_free
from infra.errors import StackError
from infra.manifest import Function, Manifest

READY_TIMEOUT_S = 60.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class Functions:
    """One process per function; one that dies is started again, with a line on stderr.

    `ports` fixes the port of some functions, `pythons` their interpreter (default: this one).
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
        self._processes = {
            f.name: Process(
                f"function {f.name}",
                _command(f, root, pythons.get(f.name, sys.executable), self._ports[f.name]),
                logs / f"{f.name}.log",
                os.environ | env | {"PYTHONPATH": str(root), **f.environment},
            )
            for f in manifest.functions
        }
        self._keepers: list[asyncio.Task[None]] = []
        # A pool of connections costs time in proportion to its size at every request, so each function has its own;
        # none speaks TLS, and sharing this empty context saves each client from loading certificates.
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self._clients = {
            f.name: httpx.AsyncClient(verify=no_tls, limits=limits, trust_env=False) for f in manifest.functions
        }

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
                    f"port {port} is taken; {name} needs it (INTAKE_URL_PORT and CONSOLE_PORT choose others)"
                )
        for process in self._processes.values():
            await process.start()
        await asyncio.gather(*map(self._ready, self._processes))
        self._keepers = [asyncio.create_task(self._keep(name)) for name in self._processes]

    async def post(self, function: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        """Send one request as Pub/Sub, Eventarc or Cloud Scheduler would, and return the status.

        Raises:
            httpx.TransportError: no answer within `timeout_s` seconds, or no connection.
        """
        client = self._clients[function]
        answer = await client.post(self.url(function), content=body, headers=dict(headers), timeout=timeout_s)
        return answer.status_code

    async def stop(self) -> None:
        """Stop all processes, and all restarts first."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in self._processes.values()))
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    async def _ready(self, name: str) -> None:
        # The framework itself answers this path (404); every other would call the function.
        await self._processes[name].ready(f"{self.url(name)}/robots.txt", READY_TIMEOUT_S)

    async def _keep(self, name: str) -> None:
        process, pause_s = self._processes[name], FIRST_PAUSE_S
        while True:
            status = await process.ended()
            print(f"switchyard: function {name} ended (status {status}); starting it again", file=sys.stderr)
            await process.stop()
            await asyncio.sleep(pause_s)
            try:
                await process.start()
                await self._ready(name)
                pause_s = FIRST_PAUSE_S
            except StackError as error:
                print(f"switchyard: {error}", file=sys.stderr)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _command(function: Function, root: Path, python: str, port: int) -> list[str]:
    source = root.joinpath(*function.module.split(".")).with_suffix(".py")
    place = ["--source", str(source), "--target", function.target, "--host", HOST, "--port", str(port)]
    return [python, "-m", "functions_framework", *place]
