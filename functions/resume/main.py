"""A change of `approvals/{task_id}` in; READY or REJECTED, and the message that goes with it, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.resume.step import read_event
from functions.resume.step import resume as step
from shared.serving.entry import guard, log_outcome, read_body, started
from shared.serving.push import MAX_ENVELOPE_BYTES
from shared.wiring.composition import ports


@functions_framework.aio.http
async def resume(request: Request) -> Response:
    """Handle one Firestore document event, a CloudEvent in binary mode."""

    async def work() -> Response:
        began = started()
        event = read_event(request.headers, await read_body(request, MAX_ENVELOPE_BYTES))
        log_outcome("resume", await step(event, ports()), began)
        return Response(status_code=200)

    return await guard("resume", request, work)
