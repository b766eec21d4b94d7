"""Topics `tasks` and `tasks-express` in; one model call; a task document, and its message or its pause, out."""

from __future__ import annotations

import os

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.classify import step
from shared.serving.entry import Made, Outcome, guard, serve_delivery, serve_push
from shared.serving.push import Delivery
from shared.serving.waiting_room import WaitingRoom
from shared.wiring.composition import ports
from shared.wiring.warmth import warm_workers

if "FUNCTION_TARGET" in os.environ:  # functions-framework loads this before it starts its server
    warm_workers()

# Of an instance's 512 MiB: sixteen of the largest messages that there are, or hundreds of usual ones.
ROOM_MIB = 256.0
_room = WaitingRoom(ROOM_MIB)


@functions_framework.aio.http
async def classify(request: Request) -> Response:
    """Handle one push of an `AutomationTask`."""

    async def work() -> Response:
        async with _room.place(request):
            return await serve_push("classify", request, _step)

    return await guard("classify", request, work)


async def deliver(made: Made) -> int:
    """Do the same where the bus is in this process."""
    return await serve_delivery("classify", made, _step)


async def _step(delivery: Delivery) -> Outcome:
    return await step.classify(delivery, ports())
