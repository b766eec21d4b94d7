"""`audits`, `breakers` and `switches` at a terminal."""

from __future__ import annotations

import pytest

from tests.ops.conftest import Ops
from tests.steps.test_audits import audited, label
from tests.steps.test_breakers import WHY, trip
from tests.world import World


async def test_audits_are_listed_and_answered(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await audited()
    assert await ops(world, "audits list") == 0
    assert "order_status" in capsys.readouterr().out
    assert await ops(world, "audits answer t1 wrong_intent --intent cancel_order") == 0
    assert "t1  wrong_intent: it ran as order_status" in capsys.readouterr().out
    assert label(world)["intent"] == "cancel_order"
    assert await ops(world, "audits answer t1 right") == 1
    assert "already_answered" in capsys.readouterr().err


async def test_blind_audit_is_answered_with_an_intent(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await audited(blind=True)
    assert await ops(world, "audits list") == 0
    assert "(blind: say what it is)" in capsys.readouterr().out
    assert await ops(world, "audits answer t1 --intent order_status") == 0
    assert "t1  right" in capsys.readouterr().out


async def test_breakers_are_listed_and_armed_again(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    await trip(world, "order_status")
    assert await ops(world, "breakers list") == 0
    told = capsys.readouterr().out
    assert ("OPEN" in told, WHY in told) == (True, True)
    assert await ops(world, "policy") == 0
    assert f"breaker of order_status open: {WHY}" in capsys.readouterr().out
    assert await ops(world, "breakers rearm order_status --reason mended") == 0
    assert await ops(world, "breakers list") == 0
    assert "developer@localhost" in capsys.readouterr().out
    assert await ops(world, "breakers rearm order_status --reason mended") == 1


async def test_intent_is_stopped_and_let_run_again(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    assert await ops(world, "switches off order_status --reason wrong-orders") == 0
    assert world.store.documents["switches/order_status"][0]["enabled"] is False
    assert await ops(world, "switches list") == 0
    assert "wrong-orders" in capsys.readouterr().out
    assert await ops(world, "switches on order_status --reason mended") == 0
    assert await ops(world, "switches on order_status --reason mended") == 1
    assert "order_status is on already" in capsys.readouterr().err
