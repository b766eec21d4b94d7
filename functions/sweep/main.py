"""Cloud Scheduler in, every minute; whatever crashes and lost messages left behind, out."""

from __future__ import annotations

from dataclasses import replace

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.sweep.backlog import backlog
from functions.sweep.step import sweep as step
from shared.serving.entry import guard, log_outcome, started
from shared.wiring.composition import ports


@functions_framework.aio.http
async def sweep(request: Request) -> Response:
    """Run one sweep; running two at once is safe."""

    async def work() -> Response:
        began = started()
        outcome = await step(ports())
        waits = await backlog(ports().store)
        log_outcome("sweep", replace(outcome, fields=outcome.fields | waits), began)
        return JSONResponse(outcome.body, status_code=outcome.status)

    return await guard("sweep", request, work)
