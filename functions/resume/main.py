"""A change of `approvals/{task_id}` in; READY or REJECTED, and the message that goes with it, out."""

from __future__ import annotations

from collections.abc import Mapping

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.resume.step import read_event
from functions.resume.step import resume as step
from shared.serving.entry import Outcome, guard, log_outcome, read_body, started
from shared.serving.push import MAX_DATA_BYTES, MAX_ENVELOPE_BYTES
from shared.wiring.composition import ports


@functions_framework.aio.http
async def resume(request: Request) -> Response:
    """Handle one Firestore document event, a CloudEvent in binary mode."""

    async def work() -> Response:
        began = started()
        log_outcome("resume", await _handle(request.headers, await read_body(request, MAX_ENVELOPE_BYTES)), began)
        return Response(status_code=200)

    return await guard("resume", request, work)


async def _handle(headers: Mapping[str, str], body: bytes) -> Outcome:
    """Handle an event that may be parsed. Documents of ours are far smaller: what a person put into a larger one stays
    in it, and the sweep answers a decision in it."""
    if len(body) > MAX_DATA_BYTES:
        return Outcome("too_large", severity="ERROR")
    return await step(read_event(headers, body), ports())
