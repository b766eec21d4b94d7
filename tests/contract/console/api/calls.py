"""Calls of the console's JSON API, as somebody who looks at task t1 makes them."""

from __future__ import annotations

from typing import Any

import httpx

from shared.wiring import composition
from tests.world import World

CHEAPER = {"order_id": "#10021", "amount_minor": 100, "currency": "USD"}


def serve(world: World) -> World:
    composition.install(world.ports)
    return world


async def shown(world: World, task_id: str = "t1") -> dict[str, Any]:
    """What somebody sees of a task now, as every door asks for it."""
    record = await world.record(task_id)
    return {"generation": record.generation, "params_hash": record.params_hash}


async def decision(http: httpx.AsyncClient, world: World, **body: Any) -> httpx.Response:
    return await http.post("/api/approvals/t1", json={"decision": "approve"} | await shown(world) | body)


async def repair(http: httpx.AsyncClient, world: World, action: str, **body: Any) -> httpx.Response:
    return await http.post(f"/api/tasks/t1/{action}", json={"reason": "looked"} | await shown(world) | body)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])
