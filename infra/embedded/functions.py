"""The manifest's functions in this process: as ASGI apps, made by functions-framework as in the cloud.

Those that take messages have a way in besides that needs no envelope, which took a tenth of a task's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from functions_framework import aio
from starlette.types import ASGIApp, Message

from infra.errors import StackError
from infra.queue import Delivery
from infra.resources import Function
from shared.serving.entry import Made
from shared.serving.push import delivered

Handler = Callable[..., Awaitable[Any]]
Deliver = Callable[[Made], Awaitable[int]]


def load_apps(functions: Iterable[Function]) -> dict[str, ASGIApp]:
    """Import these functions and return each one's app by the function's name.

    Raises:
        StackError: a module or its target cannot be imported; names it.
    """
    return {function.name: _load(function) for function in functions}


def load_deliveries(functions: Iterable[Function]) -> dict[str, Deliver]:
    """Return how those of these functions that can be handed a message are handed one, by the function's name.

    Raises:
        StackError: as `load_apps`.
    """
    found = {function.name: _load_delivery(function) for function in functions if function.trigger == "push"}
    return {name: deliver for name, deliver in found.items() if deliver}


async def hand(deliver: Deliver, delivery: Delivery) -> int:
    """Hand a message over as `call` does with its envelope."""
    d = delivery
    return await deliver(
        lambda: delivered(d.message_id, d.data, d.attributes, d.publish_time, d.subscription, d.attempt)
    )


async def call(app: ASGIApp, headers: Mapping[str, str], body: bytes) -> int:
    """POST `body` to the app's root and return the HTTP status; what it answers besides is dropped, as Pub/Sub does."""
    status = 500
    received = False

    async def receive() -> Message:
        nonlocal received
        if received:  # the caller stays until it is answered
            await asyncio.Event().wait()
        received = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(_scope(headers, body), receive, send)
    return status


def _scope(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    pairs = {**headers, "content-length": str(len(body)), "host": "127.0.0.1"}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
    }


def _load(function: Function) -> ASGIApp:
    with _explained(function) as module:
        if intent := function.environment.get("INTENT"):
            # One module serves every intent; in this process no variable can tell them apart.
            return _app_of(module.entry(intent))
        make: Any = aio.create_asgi_app_from_module
        return cast(ASGIApp, make(function.target, module.__file__, "http", module, module.__spec__))


def _load_delivery(function: Function) -> Deliver | None:
    with _explained(function) as module:
        intent = function.environment.get("INTENT")
        if intent and hasattr(module, "delivery_entry"):
            return cast(Deliver, module.delivery_entry(intent))
        return getattr(module, "deliver", None)


@contextlib.contextmanager
def _explained(function: Function) -> Iterator[Any]:
    try:
        yield importlib.import_module(function.module)
    except Exception as error:
        raise StackError(f"function {function.name} ({function.module}) does not load: {error!r}") from error


def _app_of(handler: Handler) -> ASGIApp:
    # Not public, but the only way to an app for a function that no module holds under a name.
    if make := getattr(aio, "_create_asgi_app_with_function", None):
        return cast(ASGIApp, make(handler, "http", False))
    from starlette.applications import Starlette
    from starlette.routing import Route

    return Starlette(routes=[Route("/{path:path}", handler, methods=["GET", "POST"])])
