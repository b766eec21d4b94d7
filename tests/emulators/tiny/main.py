"""Functions that write down what reaches them, one JSON line per request, into the file named by RECORD."""

from __future__ import annotations

import base64
import json
import os

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response


def record(request: Request, body: bytes) -> None:
    line = {
        "pid": os.getpid(),
        "function": os.environ["NAME"],
        "method": request.method,
        "path": request.url.path,
        "headers": dict(request.headers),
        "body": base64.b64encode(body).decode(),
        "backend": os.environ.get("BACKEND"),
    }
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps(line) + "\n")


@functions_framework.aio.http
async def receive(request: Request) -> Response:
    """Take a push; refuse `poison`, die of `crash` the first time."""
    body = await request.body()
    record(request, body)
    data = base64.b64decode(json.loads(body)["message"]["data"]) if body else b""
    if data == b"crash" and not os.path.exists(os.environ["RECORD"] + ".crashed"):  # noqa: ASYNC240
        open(os.environ["RECORD"] + ".crashed", "w").close()  # noqa: ASYNC230
        os.kill(os.getppid(), 9)  # gunicorn's master, so that nobody but the stack can start it again
        os._exit(1)
    return Response(status_code=500 if data == b"poison" else 204)


@functions_framework.aio.http
async def notice(request: Request) -> Response:
    """Take whatever comes: a tick, a document event."""
    record(request, await request.body())
    return Response(status_code=204)
