"""Topic `dead-letters` in; the message parked where people see it, and the task it belongs to moved on, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.deadletter import step
from shared.serving.entry import Made, Outcome, serve_delivery, serve_push
from shared.serving.push import Delivery
from shared.wiring.composition import ports


@functions_framework.aio.http
async def deadletter(request: Request) -> Response:
    """Handle one dead letter."""
    return await serve_push("deadletter", request, _step)


async def deliver(made: Made) -> int:
    """Do the same where the bus is in this process."""
    return await serve_delivery("deadletter", made, _step)


async def _step(delivery: Delivery) -> Outcome:
    return await step.deadletter(delivery, ports())
