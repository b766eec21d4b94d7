"""The app on a free port of 127.0.0.1, in a thread: a caller that blocks its own event loop still gets answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from infra.gemini_server.app import GeminiServer, create_app

START_TIMEOUT_S = 10.0


def listen(port: int = 0) -> socket.socket:
    """Return a socket bound to 127.0.0.1; 0 takes a free port."""
    # With the protocol named, asyncio sets TCP_NODELAY; without it every reply waits 40 ms for a delayed ACK.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


@contextmanager
def serving(**options: Any) -> Iterator[GeminiServer]:
    """Serve `create_app(**options)` and yield its state, `url` set.

    Raises:
        TimeoutError: it did not start within 10 s.
    """
    app = create_app(**options)
    state: GeminiServer = app.state.server
    with listen() as listener:
        state.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="gemini-server", daemon=True)
        thread.start()
        try:
            _wait_until_started(server)
            yield state
        finally:
            server.should_exit = True
            thread.join(START_TIMEOUT_S)


def _wait_until_started(server: uvicorn.Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the Gemini server did not start")
        time.sleep(0.005)
