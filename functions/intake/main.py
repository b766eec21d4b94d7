"""Two functions of one bundle: `intake`, public, takes webhooks; `intake_events`, private, takes topic `events`."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.intake.incoming import incoming
from functions.intake.room import Room
from functions.intake.step import receive_event, receive_webhook
from shared.serving.entry import Made, Outcome, guard, log_outcome, serve_delivery, serve_push, started
from shared.serving.framework import refuse_in_json
from shared.serving.push import Delivery
from shared.wiring.composition import ports

ROOM = Room()
refuse_in_json()


@functions_framework.aio.http
async def intake(request: Request) -> Response:
    """Serve webhooks, `POST /` and `GET /healthz`."""

    async def work() -> Response:
        began = started()
        with ROOM.limit(request) as limit:
            outcome = await receive_webhook(incoming(request, limit), ports())
        log_outcome("intake", outcome, began)
        return JSONResponse(outcome.body, outcome.status)

    return await guard("intake", request, work)


@functions_framework.aio.http
async def intake_events(request: Request) -> Response:
    """Serve the push subscription of topic `events`."""
    return await serve_push("intake-events", request, _event)


async def deliver(made: Made) -> int:
    """Do what `intake_events` does where the bus is in this process."""
    return await serve_delivery("intake-events", made, _event)


async def _event(delivery: Delivery) -> Outcome:
    return await receive_event(delivery, ports())
