"""Topics `tasks` and `tasks-express` in; one model call; a task document, and its message or its pause, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.classify.step import classify as step
from shared.serving.entry import serve_push
from shared.wiring.composition import ports


@functions_framework.aio.http
async def classify(request: Request) -> Response:
    """Handle one push of an `AutomationTask`."""
    return await serve_push("classify", request, lambda delivery: step(delivery, ports()))
