"""People's HTTP requests in; pages and task records, and their decisions applied, out: the ops console and its API."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.console import api
from shared.serving.entry import guard
from shared.serving.framework import refuse_in_json
from shared.wiring.composition import ports

refuse_in_json()


@functions_framework.aio.http
async def console(request: Request) -> Response:
    """Answer one request of a browser or of a program."""

    async def work() -> Response:
        if api.is_for_programs(request):
            return await api.respond(request, ports())
        from functions.console import browser  # templates cost an import that programs do not need

        return await browser.respond(request, ports())

    return await guard("console", request, work)
