"""A gRPC server that answers every call, whatever its name, with one status: what an outage looks like to a client."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import grpc


class BrokenServer:
    """`async with BrokenServer() as server`: fails with `server.status`, or is SILENT, and counts `server.calls`."""

    SILENT = ""

    def __init__(self) -> None:
        self.status = "UNAVAILABLE"
        self.calls = 0
        self.host = ""

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server(handlers=[_Every(self._fail)])
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(grace=None)

    async def _fail(self, request: bytes, context: Any) -> None:
        self.calls += 1
        if self.status == self.SILENT:
            await asyncio.sleep(60)
        await context.abort(grpc.StatusCode[self.status], "as the test wishes")


class _Every(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, behaviour: Any) -> None:
        self._behaviour = behaviour

    def service(self, call: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._behaviour)
