"""The command line against the console's real app over HTTP, and dead letters for it to find."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from infra.ops.__main__ import main
from tests.browser.serving import served
from tests.world import REFUND, World, ticket

Ops = Callable[..., Awaitable[int]]


@pytest.fixture
def ops() -> Ops:
    async def run(world: World, line: str) -> int:
        async with served(world) as url:
            try:
                return await asyncio.to_thread(main, ["--console", url, *line.split()])
            except SystemExit as end:
                return int(end.code or 0)

    return run


async def letters(world: World, count: int) -> list[str]:
    """Park dead letters of tasks that were rejected."""
    ids = []
    for n in range(count):
        task_id = f"r{n}"
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=task_id))
        await world.decide(task_id, "reject")
        ids.append(world.bury(task_id, task_id))
        world.pass_time(seconds=1)
    return ids
