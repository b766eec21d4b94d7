"""A person's browser, and the forms that it sends."""

from __future__ import annotations

import re
from typing import Any

import httpx

from shared.wiring import composition
from tests.world import World

EDIT = {"p.order_id": "#10021", "p.amount_minor": "12.00", "p.currency": "USD"}
SAME = EDIT | {"p.amount_minor": "25.00"}
HOSTILE = "<script>alert(1)</script> javascript:alert(2) \u202egnp.exe \x1b[31mred \u200b"


class Browser:
    """A person's browser: keeps cookies, and sends forms with the token that the page gave."""

    def __init__(self, http: httpx.AsyncClient, world: World) -> None:
        self.http = http
        self.world = world

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def post(self, path: str, form: Any, **headers: str) -> httpx.Response:
        page = (await self.http.get("/")).text
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        pairs = list(form.items()) if isinstance(form, dict) else form
        pairs.append(("csrf", token[1] if token else self.http.cookies["switchyard"]))
        return await self.http.post(path, data=_data(pairs), headers=headers)

    async def decide(self, decision: str = "approve", **form: str) -> httpx.Response:
        record = await self.world.record("t1")
        fields = {"decision": decision, "intent": record.intent} | await shown(self.world)
        return await self.post("/tasks/t1/decide", fields | form)

    async def repair(self, action: str, **form: str) -> httpx.Response:
        return await self.post(f"/tasks/t1/{action}", {"reason": "looked"} | await shown(self.world) | form)

    async def confirmed(self, page: str, reason: str = "seen to") -> httpx.Response:
        """Send the form of the page that asks whether many shall be decided."""
        hidden = re.findall(r'<input type="hidden" name="(action|confirmed|pick)" value="([^"]+)">', page)
        return await self.post("/bulk", [*hidden, ("reason", reason)])


async def shown(world: World, task_id: str = "t1") -> dict[str, str]:
    """The hidden fields of a page that shows the task as it is."""
    record = await world.record(task_id)
    return {"generation": str(record.generation), "params_hash": record.params_hash}


async def pick(world: World, task_id: str = "t1") -> tuple[str, str]:
    """The checkbox of a task in a list."""
    record = await world.record(task_id)
    return "pick", f"{task_id}|{record.generation}|{record.params_hash}"


def _data(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def open_browser(http: httpx.AsyncClient, world: World) -> Browser:
    composition.install(world.ports)
    return Browser(http, world)


def on_letter(letter_id: str, action: str) -> list[tuple[str, str]]:
    return [("pick", letter_id), ("action", action), ("confirmed", "yes"), ("reason", "seen to")]
