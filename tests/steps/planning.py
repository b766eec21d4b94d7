"""A task that waits while a handler says what its effect would be."""

from __future__ import annotations

from typing import Any

from tests.scripted import ScriptedHandler
from tests.world import (
    World,
    paused,
)

POINTER = {"task_id": "t1", "generation": 1, "schema_version": 1}
UNSURE = {"confidence": 0.5}


class Planning(ScriptedHandler):
    """A handler whose plan does what it is told, and whose effect nobody may ask for."""

    def __init__(self, said: Any) -> None:
        super().__init__(AssertionError("a preview has no effect"))
        self.said = said
        self.contexts: list[Any] = []

    async def plan(self, params: Any, ctx: Any) -> Any:
        self.contexts.append(ctx)
        if isinstance(self.said, Exception):
            raise self.said
        return await self.said(params, ctx) if callable(self.said) else self.said


async def previewed(said: Any, **settings: Any) -> tuple[World, Any]:
    """Return a world whose refund waits, and the outcome of its preview."""
    world = await paused(**settings)
    return world, await world.execute("t1", Planning(said))
