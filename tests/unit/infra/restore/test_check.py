"""What does not fit together in a restored database is named, document by document."""

from __future__ import annotations

from typing import Any

import pytest

from infra.restore.check import check
from infra.restore.hold import hold, release
from shared.records.switches import switch_path
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, REGISTRY, World, paused


async def edit(world: World, path: str, **fields: Any) -> None:
    """Change fields of a document behind everybody's back."""
    (found,) = await world.store.read(path)
    world.store.put(path, **{**(found.data or {}), **fields})


async def test_a_sound_database_has_no_problem_and_says_what_it_holds() -> None:
    world = await paused()
    report = await check(world.store, REGISTRY)
    assert (report.tasks, report.waiting, report.owed, report.problems) == (1, 1, 0, [])
    assert (report.in_doubt, report.loose) == ({"refund_request": 1}, {"refund_request"})


@pytest.mark.parametrize(
    ("path", "fields", "says"),
    [
        ("tasks/t1", {"next_check_at": None}, "tasks/t1 is AWAITING_APPROVAL and never looked at again"),
        ("tasks/t1", {"schema_version": 9}, "tasks/t1 cannot be read"),
        ("approvals/t1", {"outcome": "REJECTED"}, "tasks/t1 waits for a person, and approvals/t1 is not open"),
        ("tasks/t1", {"state": "READY"}, "approvals/t1 is open, and its task is READY"),
        ("tasks/t1", {"state": "FAILED"}, "tasks/t1 is FAILED, and its history ends with AWAITING_APPROVAL"),
        ("tasks/t1", {"state": "EXECUTING"}, "tasks/t1 is EXECUTING and nobody holds it"),
    ],
)
async def test_what_does_not_fit_is_named(path: str, fields: dict[str, Any], says: str) -> None:
    world = await paused()
    await edit(world, path, **fields)
    report = await check(world.store, REGISTRY)
    assert any(problem.startswith(says) for problem in report.problems), report.problems


async def test_an_approval_without_its_task_is_named() -> None:
    world = World()
    world.store.put("approvals/t1", outcome=None)
    assert (await check(world.store, REGISTRY)).problems == ["approvals/t1 is open, and its task is not there"]


async def test_every_intent_is_held_and_what_ops_wrote_on_a_switch_stays() -> None:
    world = World(ORDER_STATUS[1])
    world.store.put(switch_path("refund_request"), enabled=True, why="an old note")
    await world.classify(ORDER_STATUS[0])
    await hold(world.store, REGISTRY)
    assert (await check(world.store, REGISTRY)).held == set(REGISTRY)
    (switch,) = await world.store.read(switch_path("refund_request"))
    assert switch.data == {"enabled": False, "why": "an old note", "by": "restore"}
    handler = ScriptedHandler()
    await world.execute("t1", handler)
    assert handler.calls == []
    await release(world.store, ["order_status"])
    await world.execute("t1", handler)
    assert len(handler.calls) == 1
    assert (await check(world.store, REGISTRY)).held == set(REGISTRY) - {"order_status"}


async def test_pages_are_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await paused(REFUND)
    for number in range(2, 6):
        world.store.put(f"approvals/t{number}", outcome=None)
    monkeypatch.setattr("infra.restore.check.PAGE", 2)
    assert len((await check(world.store, REGISTRY)).problems) == 4
