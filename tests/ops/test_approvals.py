"""`approvals`: a decision is taken in the person's name, on what was expected, and never on an own request."""

from __future__ import annotations

import pytest

from functions.console import identity
from tests.ops.conftest import Ops
from tests.world import paused


async def test_task_is_approved_in_the_persons_name_through_the_command_line(ops: Ops) -> None:
    world = await paused()
    assert await ops(world, "approvals approve t1 --yes --comment checked") == 0
    record = await world.record("t1")
    assert record.approval is not None
    assert (record.state, record.approval.channel, record.approval.comment) == ("READY", "cli", "checked")


async def test_other_parameters_than_expected_are_refused(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, f"approvals approve t1 --yes --params-hash {'0' * 64}") == 1
    assert "params_changed" in capsys.readouterr().out


async def test_own_request_is_refused_with_its_code(
    ops: Ops, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "kim@example.com")
    world = await paused()
    for line in ("approvals approve t1 --yes", "approvals reject t1 --yes", "tasks cancel t1 --reason x"):
        assert await ops(world, line) == 1
        assert "own_request: this is your own request" in capsys.readouterr().out
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_rejection_names_its_cause_and_explain_tells_it(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, "approvals reject t1 --cause fraud") == 2
    assert await ops(world, "approvals reject t1 --yes --cause not_wanted --comment closed") == 0
    label = await world.label()
    assert label is not None
    assert (label.verdict, label.intent) == ("not_wanted", "refund_request")
    capsys.readouterr()
    assert await ops(world, "tasks explain t1") == 0
    assert "reject as not_wanted by developer@localhost through cli: closed" in capsys.readouterr().out


async def test_decision_is_undone(ops: Ops) -> None:
    world = await paused()
    assert await ops(world, "approvals approve t1 --undoable --yes") == 0
    assert (await world.record("t1")).exec.not_before is not None
    assert await ops(world, "approvals undo t1") == 0
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    assert await ops(world, "approvals undo t1") == 1
