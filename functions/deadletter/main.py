"""Topic `dead-letters` in; the message parked where people see it, and the task it belongs to moved on, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.deadletter.step import deadletter as step
from shared.composition import ports
from shared.entry import serve_push


@functions_framework.aio.http
async def deadletter(request: Request) -> Response:
    """Handle one dead letter."""
    return await serve_push("deadletter", request, lambda delivery: step(delivery, ports()))
