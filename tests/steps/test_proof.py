"""How many decisions count as proof, as a paused task tells it: counted seldom, and only where a proof is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shared.errors import StoreUnavailable
from shared.records import proof
from shared.wiring.ports import Filter
from tests.certificates import certificate
from tests.store import MemoryStore
from tests.world import REFUND, REGISTRY, World, ticket

PROBATION: dict[str, Any] = {"certification": True}


class Counting(MemoryStore):
    """Counts how often labels are counted; `down`: they cannot be."""

    looks = 0
    down = False

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        if self.down:
            raise StoreUnavailable("the store is down")
        self.looks += collection == "labels"
        return await super().count(collection, where=where, up_to=up_to)


async def reasons(world: World, task_id: str) -> list[str]:
    await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=task_id))
    return (await world.record(task_id)).decision.reasons


async def test_unproven_classifier_tells_how_many_decisions_count_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "LOOK_S", 0.0)
    world = World(REFUND[1], **PROBATION)
    for n in range(3):
        assert f"unproven: {n} of about 500 decisions" in await reasons(world, f"t{n}")
        await world.decide(f"t{n}", "reject", cause="wrong_intent")
    await reasons(world, "t3")
    await world.decide("t3", "reject", cause="duplicate")  # says nothing of the answer
    assert "unproven: 3 of about 500 decisions" in await reasons(world, "t4")


async def test_proof_is_counted_once_in_a_while() -> None:
    world = World(REFUND[1], **PROBATION)
    store = world.keep_in(Counting)
    for n in range(3):
        await reasons(world, f"t{n}")
    assert store.looks == 4


async def test_proof_is_not_counted_where_nobody_asks_for_it_or_all_is_proven() -> None:
    world = World(REFUND[1])
    store = world.keep_in(Counting)
    await reasons(world, "t1")
    said = (await world.record("t1")).classification
    proven = certificate(*REGISTRY, model=said.model, prompt_versions=(said.prompt_version,))
    world.set(certification=True, certificate=proven)
    await reasons(world, "t2")
    assert store.looks == 0


async def test_proof_that_cannot_be_counted_keeps_no_task_waiting() -> None:
    world = World(REFUND[1], **PROBATION)
    world.keep_in(Counting).down = True
    assert "unproven: 0 of about 500 decisions" in await reasons(world, "t1")
