"""`tasks reenact`: a task played again under today's policy, and what would differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ops.conftest import Ops
from tests.scripted import Fixed, ScriptedHandler
from tests.world import CANCEL_ORDER, ORDER_STATUS, SUMMARY, World, paused, started


async def differs(ops: Ops, world: World, capsys: pytest.CaptureFixture[str], task_id: str = "t1") -> Any:
    assert await ops(world, f"tasks reenact {task_id} --json") == 0
    return next(json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"task_id"'))


async def test_task_under_the_same_policy_would_run_as_it_did(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await world.decide("t1")
    await world.execute("t1", ScriptedHandler("Refunded 25.00 USD of order 10021 through Stripe"))
    before = dict(world.store.documents)
    report = await differs(ops, world, capsys)
    assert report["differs"] == {}
    assert [e["amount_minor"] for e in report["effects"]] == [2500]
    assert world.store.documents == before


@pytest.mark.parametrize(("number", "state"), [(0.0, "AWAITING_APPROVAL"), (0.99, "READY")])
async def test_task_is_drawn_for_a_look_again_as_it_was_then(
    ops: Ops, capsys: pytest.CaptureFixture[str], number: float, state: str
) -> None:
    world = World(SUMMARY[1])
    world.ports.random = Fixed(number)
    await world.classify(SUMMARY[0])
    assert (await world.record("t1")).state == state
    assert not {"route", "reasons"} & (await differs(ops, world, capsys))["differs"].keys()


async def test_tightened_policy_would_pause_what_ran(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await started(CANCEL_ORDER)
    await world.execute("t1", ScriptedHandler("cancelled"))
    world.set(confidence_threshold=0.99)
    report = await differs(ops, world, capsys)
    assert report["differs"]["route"] == {"then": "execute", "today": "approve"}
    assert report["differs"]["state"]["today"] == "AWAITING_APPROVAL"
    assert report["effects"] == []


async def test_approval_that_would_not_count_today_is_told(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await world.decide("t1")
    world.set(approvers={"*": frozenset({"lead@example.com"})})
    assert "not_an_approver" in (await differs(ops, world, capsys))["decision_refused"]


async def test_handler_that_reads_is_played_on_the_sandbox(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await started(ORDER_STATUS)
    await world.execute("t1", ScriptedHandler("on its way"))
    report = await differs(ops, world, capsys)
    assert report["differs"].keys() == {"output"}
    assert report["effects"] == []
