"""Serve the sandbox on a socket of 127.0.0.1, with connections that a fault can drop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.sandbox.faults import ABORT

START_TIMEOUT_S = 10.0


class Droppable(H11Protocol):
    """HTTP/1.1 whose app may drop the connection through the ASGI extension `ABORT`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the connection's `abort` to the app."""
        super().connection_made(transport)
        app: Any = self.app

        async def droppable(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[ABORT] = transport.abort
            await app(scope, receive, send)

        self.app = droppable


def listen(port: int = 0) -> socket.socket:
    """Return a socket bound to 127.0.0.1; port 0 takes a free one."""
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it every answer takes 40 ms more.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def server(app: ASGIApp) -> uvicorn.Server:
    """Return a server for the app, not yet running."""
    # Idle connections outlive our client's: the sandbox breaks them on demand only.
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Droppable,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
    )


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve the app in a thread and yield its URL.

    Raises:
        TimeoutError: it did not start within ten seconds.
    """
    sock, running = listen(port), server(app)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]}, name="sandbox", daemon=True)
    thread.start()
    try:
        give_up = time.monotonic() + START_TIMEOUT_S
        while not running.started:
            if not thread.is_alive() or time.monotonic() > give_up:
                raise TimeoutError("the sandbox did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(START_TIMEOUT_S)
        sock.close()
