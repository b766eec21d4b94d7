"""Where other tickets come in than were certified, people hear of it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.records.drift import Drift, drift
from tests.certificates import certificate
from tests.world import ORDER_STATUS, World


async def certified(reaching: int, others: int, **settings: Any) -> World:
    """Return a certified world with so many tickets that reach their threshold, and that do not."""
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    record = await world.record("t1")
    said = record.classification.model_dump()
    for n in range(reaching + others):
        unsure = said | {"confidence": 0.95 if n < reaching else 0.3}
        world.store.put(f"tasks/n{n}", **(record.model_dump() | {"task_id": f"n{n}", "classification": unsure}))
    proof = certificate(model="scripted", prompt_versions=(said["prompt_version"],), **settings)
    world.set(certificate=proof)
    return world


@pytest.mark.parametrize(
    ("reaching", "others", "warns"),
    [(59, 90, False), (99, 50, True), (20, 130, True), (50, 20, False)],
    ids=["as certified", "more", "fewer", "too few to say"],
)
async def test_share_that_is_no_chance_is_warned_of(
    reaching: int, others: int, warns: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await certified(reaching, others)
    await world.sweep()
    seen = await drift(world.store)
    assert seen is not None
    assert (seen.seen, seen.acted, seen.warns) == (reaching + others + 1, reaching + 1, warns)
    assert ('"outcome": "drift"' in capsys.readouterr().out.replace('":"', '": "')) == warns


async def test_tickets_of_another_classifier_say_nothing() -> None:
    world = await certified(150, 0, target=0.95)
    world.set(certificate=certificate(model="another"))
    await world.sweep()
    assert (await drift(world.store) or pytest.fail("nobody looked")).seen == 0


async def test_it_is_looked_at_once_an_hour() -> None:
    world = await certified(0, 120)
    await world.sweep()
    world.store.put("tasks/t1", classification=None)
    before = await drift(world.store)
    world.pass_time(minutes=30)
    await world.sweep()
    assert await drift(world.store) == before
    world.pass_time(minutes=31)
    await world.sweep()
    assert (await drift(world.store) or pytest.fail("nobody looked")).seen == 120


async def test_where_nothing_is_certified_nobody_looks() -> None:
    world = World()
    await world.sweep()
    assert await drift(world.store) is None


async def test_certificate_that_has_run_out_is_not_compared() -> None:
    world = await certified(0, 120)
    world.pass_time(days=91)
    await world.sweep()
    assert await drift(world.store) is None


def test_look_is_told_in_words() -> None:
    look = Drift(at=World().now, model="m", seen=200, acted=20, expected=0.4, z=-8.66)
    assert look.words == "10% of the last 200 tickets reach their threshold; 40% when it was proven"
