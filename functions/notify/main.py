"""Cloud Scheduler in, every minute; at most one message per chat channel about what is new for people, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.notify.step import notify as step
from shared.serving.entry import guard, log_outcome, started
from shared.wiring.composition import ports


@functions_framework.aio.http
async def notify(request: Request) -> Response:
    """Look once; running two at once repeats a message at worst."""

    async def work() -> Response:
        began = started()
        outcome = await step(ports())
        log_outcome("notify", outcome, began)
        return JSONResponse(outcome.body, status_code=outcome.status)

    return await guard("notify", request, work)
