"""Topics `tasks` and `tasks-express` in; one model call; a task document, and its message or its pause, out."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.classify.step import classify as step
from shared.composition import ports
from shared.entry import serve_push


@functions_framework.aio.http
async def classify(request: Request) -> Response:
    """Handle one push of an `AutomationTask`."""
    return await serve_push("classify", request, lambda delivery: step(delivery, ports()))
