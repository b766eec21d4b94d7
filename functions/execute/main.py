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

from functions.execute.step import execute as run
from shared.intent.declaration import Intent, executor_for
from shared.intent.registry import load_handler
from shared.serving.entry import Made, Outcome, Step, serve_delivery, serve_push
from shared.serving.push import Delivery
from shared.wiring.composition import ports


def entry(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the HTTP function that executes the intent called `name` as it is now: another declaration or handler
    takes another entry, and this one goes on as it began."""
    step = _executing(ports().registry[name], load_handler(name))

    async def serve(request: Request) -> Response:
        return await serve_push(executor_for(name), request, step)

    return serve


def delivery_entry(name: str) -> Callable[[Made], Awaitable[int]]:
    """Return the same where the bus is in this process."""
    step = _executing(ports().registry[name], load_handler(name))
    return lambda made: serve_delivery(executor_for(name), made, step)


@functions_framework.aio.http
async def execute(request: Request) -> Response:
    """Handle one push of a `TaskReady` for the intent that `INTENT` names."""
    name = os.environ["INTENT"]

    async def step(delivery: Delivery) -> Outcome:
        # Looked up here, where an error is answered and logged as any other.
        return await _executing(ports().registry[name], load_handler(name))(delivery)

    return await serve_push(executor_for(name), request, step)


def _executing(intent: Intent, handler: Any) -> Step:
    async def step(delivery: Delivery) -> Outcome:
        return await run(delivery, ports(), intent, handler)

    return step
