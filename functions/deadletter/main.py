"""Topic `dead-letters` in; the message parked where people see it, and the task it belongs to moved on, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.deadletter.step import deadletter as step
from shared.serving.entry import serve_push
from shared.wiring.composition import ports


@functions_framework.aio.http
async def deadletter(request: Request) -> Response:
    """Handle one dead letter."""
    return await serve_push("deadletter", request, lambda delivery: step(delivery, ports()))
