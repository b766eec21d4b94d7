"""The sandbox as one ASGI app: the vendors' endpoints, and `/_...` ones to seed, script, read and reset it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.sandbox.anybody import Anybody
from infra.sandbox.chats import Chats
from infra.sandbox.desk import Desk
from infra.sandbox.people import People
from infra.sandbox.stripe import Stripe
from infra.sandbox.vendors import Auth0, Shop, Slack


def create_app(ledger_path: Path | None = None, *, seed: int = 0, memory_path: Path | None = None) -> Starlette:
    """Return the app. `app.state.desk` holds what the vendors share; `seed` is of the faults drawn at a rate.

    What `memory_path` holds is there again after `app.state.desk.memory.recall(app)`.
    """
    desk = Desk(ledger_path, seed, memory_path)
    stripe, people, chats = Stripe(desk), People(desk), Chats(desk)
    anybody = Anybody(desk)
    desk.memory.parts = {
        "keys": desk,
        "orders": desk.orders,
        "refunds": stripe,
        "people": people,
        "screens": chats,
        "writes": anybody,
    }
    vendors = [r for vendor in (stripe, Shop(desk), Auth0(desk), Slack(desk, chats), anybody) for r in vendor.routes()]
    app = Starlette(
        routes=[
            *_control(desk),
            *people.routes(),
            *chats.routes(),
            Route("/_people", _accept(people.seed, desk), methods=["POST"]),
            Route("/_refunds", _accept(stripe.settle, desk), methods=["POST"]),
            *vendors,
        ]
    )
    app.state.desk, app.state.people, app.state.stripe, app.state.chats = desk, people, stripe, chats
    return app


def _control(desk: Desk) -> list[Route]:
    async def ledger(_: Request) -> Response:
        await desk.echoes.drain()  # what is told of an entry is part of it
        return JSONResponse(
            {
                "entries": [asdict(entry) for entry in desk.ledger.entries],
                "replays": [asdict(entry) for entry in desk.ledger.replays],
                "calls": desk.calls,
                "echoes": desk.echoes.answers,
            }
        )

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return [
        Route("/healthz", healthz),
        Route("/_ledger", ledger),
        Route("/_orders", _accept(desk.orders.seed, desk), methods=["POST"]),
        Route("/_webhooks", _accept(desk.echoes.subscribe), methods=["POST"]),
        Route("/_script", _accept(desk.faults.script), methods=["POST"]),
        Route("/_rates", _accept(desk.faults.rate), methods=["POST"]),
    ]


def _accept(take: Callable[[list[dict[str, Any]]], None], desk: Desk | None = None) -> Callable[[Request], Any]:
    """Return what takes a list of things to know; `desk` remembers it."""

    async def endpoint(request: Request) -> Response:
        try:
            take(await request.json())
        except (TypeError, KeyError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        if desk is not None:
            desk.memory.keep(request, await request.body())
        return JSONResponse({}, 202)

    return endpoint
