"""Calls that earlier decisions spare: read from labels that kept their words."""

from __future__ import annotations

from shared.wiring.earlier import Earlier
from tests.world import World

TEXTS = ("where is my order", "where is my order please", "so where is my order")


def labelled(world: World, *texts: str) -> None:
    for number, text in enumerate(texts):
        world.store.put(f"labels/t{number}", at=world.now, text=text, intent="order_status")


async def test_memory_is_read_from_the_labels_that_kept_their_words() -> None:
    world = World()
    labelled(world, *TEXTS, "")
    memory = await Earlier(world.store).memory()
    assert len(memory) == 3
    assert memory.agreed("where is my order #47384?") == "order_status"


async def test_memory_is_read_once_in_a_while() -> None:
    world = World()
    kept, anew = Earlier(world.store), Earlier(world.store, kept_for_s=0)
    assert (len(await kept.memory()), len(await anew.memory())) == (0, 0)
    labelled(world, *TEXTS)
    assert (len(await kept.memory()), len(await anew.memory())) == (0, 3)
