"""Topic `intent-<name>` in; one run of one handler, its result in the document and on topic `results`, out.

Every intent is deployed from this entry point with its own `INTENT`, service account and subscription.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.execute.step import execute as step
from shared.intent.declaration import Intent
from shared.intent.registry import load_handler
from shared.serving.entry import serve_push
from shared.wiring.composition import ports


def entry(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the HTTP function that executes the intent called `name` as it is now: another declaration or handler
    takes another entry, and this one goes on as it began."""
    intent, handler = ports().registry[name], load_handler(name)

    async def serve(request: Request) -> Response:
        return await _serve(name, request, lambda: (intent, handler))

    return serve


@functions_framework.aio.http
async def execute(request: Request) -> Response:
    """Handle one push of a `TaskReady` for the intent that `INTENT` names."""
    name = os.environ["INTENT"]
    return await _serve(name, request, lambda: (ports().registry[name], load_handler(name)))


async def _serve(name: str, request: Request, look_up: Callable[[], tuple[Intent, Any]]) -> Response:
    """Execute what `look_up` finds; it is called where an error is answered and logged as any other."""
    function = f"execute-{name.replace('_', '-')}"
    return await serve_push(function, request, lambda delivery: step(delivery, ports(), *look_up()))
