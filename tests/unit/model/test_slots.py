"""Places are given by priority, never more than there are, and none is lost when a waiter gives up."""

from __future__ import annotations

import asyncio

from shared.model.slots import Slots


async def test_an_urgent_waiter_overtakes_a_backlog() -> None:
    slots, order = Slots(1), []

    async def work(name: str, priority: int) -> None:
        async with slots.taken(priority):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(work("first", 1), work("a", 1), work("b", 2), work("urgent", 5), work("c", 1))
    assert order == ["first", "urgent", "b", "a", "c"]


async def test_never_more_are_inside_than_there_are_places() -> None:
    slots, inside, most = Slots(3), 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with slots.taken():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == 3


async def test_a_cancelled_waiter_leaves_its_place_to_the_next() -> None:
    slots = Slots(1)
    entered = asyncio.Event()

    async def hold(release: asyncio.Event) -> None:
        async with slots.taken():
            entered.set()
            await release.wait()

    release = asyncio.Event()
    holder = asyncio.create_task(hold(release))
    await entered.wait()
    waiting = asyncio.create_task(hold(asyncio.Event()))
    await asyncio.sleep(0)
    release.set()
    await holder  # the place now belongs to the waiter, which is cancelled before it runs
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), slots.taken():
        pass
