"""What people press in a chat in, decisions and the redrawn card out. Public: every request is signed, or refused."""

from __future__ import annotations

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.chat import google_chat, slack
from shared.errors import MethodNotAllowed, NotFound
from shared.serving.entry import Outcome, guard, log_outcome, read_body, started
from shared.serving.framework import refuse_in_json
from shared.wiring.composition import Ports, ports

MAX_BODY_BYTES = 256 * 1024

refuse_in_json()


@functions_framework.aio.http
async def chat(request: Request) -> Response:
    """Serve `POST /slack`, `POST /google-chat` and `GET /healthz`."""

    async def work() -> Response:
        began = started()
        if request.url.path == "/healthz":
            return JSONResponse(ports().health())
        outcome = await _taken(request, ports())
        log_outcome("chat", outcome, began)
        return JSONResponse(outcome.body) if outcome.body is not None else Response(status_code=200)

    return await guard("chat", request, work)


async def _taken(request: Request, ports: Ports) -> Outcome:
    take = {"/slack": slack.take, "/google-chat": google_chat.take}.get(request.url.path)
    if take is None:
        raise NotFound("there is nothing here; a chat calls /slack or /google-chat", code="no_such_path")
    if request.method != "POST":
        raise MethodNotAllowed("use POST here")
    return await take(await read_body(request, MAX_BODY_BYTES), request.headers, ports)
