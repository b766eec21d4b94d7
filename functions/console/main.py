"""People's HTTP requests in; task records, and their decisions applied, out. The JSON API of the ops console."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.console.api import respond
from shared.composition import ports
from shared.entry import guard


@functions_framework.aio.http
async def console(request: Request) -> Response:
    """Answer one request of the API."""
    return await guard("console", request, lambda: respond(request, ports()))
