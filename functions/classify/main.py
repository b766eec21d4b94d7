"""Topics `tasks` and `tasks-express` in; one model call; a task document, and its message or its pause, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.classify import step
from shared.serving.entry import Made, Outcome, serve_delivery, serve_push
from shared.serving.push import Delivery
from shared.wiring.composition import ports


@functions_framework.aio.http
async def classify(request: Request) -> Response:
    """Handle one push of an `AutomationTask`."""
    return await serve_push("classify", request, _step)


async def deliver(made: Made) -> int:
    """Do the same where the bus is in this process."""
    return await serve_delivery("classify", made, _step)


async def _step(delivery: Delivery) -> Outcome:
    return await step.classify(delivery, ports())
