"""The smallest functions that use everything the embedded stack wires; `SEEN` notes what reached them."""

from __future__ import annotations

import asyncio

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.embedded.store import EmbeddedStore
from shared.wiring.composition import ports
from shared.wiring.ports import Write

SEEN: list[tuple[str, str]] = []


@functions_framework.aio.http
async def intake(request: Request) -> Response:
    """Publish the body to the topic that is the path."""
    await ports().publisher.publish(request.url.path.strip("/"), await request.body(), {})
    return Response(status_code=202)


@functions_framework.aio.http
async def console(request: Request) -> Response:
    """Write an approval, as the ops page does."""
    await ports().store.commit(Write("approvals/t1", {"status": "approved"}, None))
    return JSONResponse({})


@functions_framework.aio.http
async def work(request: Request) -> Response:
    """Take the message; `boom` crashes every time, `hang` never ends."""
    message = (await request.json())["message"]
    SEEN.append(("work", message["data"]))
    if message["data"] == "Ym9vbQ==":
        raise RuntimeError("boom")
    if message["data"] == "aGFuZw==":
        await asyncio.sleep(3600)
    return Response(status_code=204)


@functions_framework.aio.http
async def resume(request: Request) -> Response:
    SEEN.append(("resume", request.headers["ce-document"]))
    return Response(status_code=200)


@functions_framework.aio.http
async def sweep(request: Request) -> Response:
    assert isinstance(ports().store, EmbeddedStore)
    SEEN.append(("sweep", request.method))
    return Response(status_code=200)


@functions_framework.aio.http
async def notify(request: Request) -> Response:
    """Hang, as a chat may."""
    SEEN.append(("notify", request.method))
    await asyncio.sleep(3600)
    return Response(status_code=200)


def entry(intent: str):  # type: ignore[no-untyped-def]
    """Return an intent's function, as functions/execute/main.py does."""

    async def execute(request: Request) -> Response:
        SEEN.append(("execute", intent))
        return Response(status_code=204)

    return execute
