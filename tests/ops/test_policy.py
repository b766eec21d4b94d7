"""`policy`: what each intent may do, and who decides."""

from __future__ import annotations

import json

import pytest

from tests.ops.conftest import Ops
from tests.world import World


async def test_policy_is_told_per_intent(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(
        automatic={"refund_request": 5000},
        disabled_intents=frozenset({"ticket_summary"}),
        approvers={"password_reset": frozenset({"it@example.com"}), "*": frozenset({"lead@example.com"})},
    )
    world.store.put("switches/cancel_order", enabled=False)
    world.store.put("switches/order-status", enabled=False)
    assert await ops(world, "policy") == 0
    told = capsys.readouterr().out
    lines = {line.split()[0]: " ".join(line.split()) for line in told.splitlines() if line.strip()}
    assert lines["refund_request"] == ("refund_request money when sure, up to 50.00 USD 3 all lead@example.com on")
    assert lines["password_reset"] == "password_reset credential never 3 all it@example.com on"
    assert "when sure any number all" in lines["order_status"]
    assert lines["ticket_summary"].endswith("off: DISABLED_INTENTS")
    assert lines["cancel_order"].endswith("off: switches/cancel_order")
    assert lines["switches/cancel_order:"] == "switches/cancel_order: off"
    assert lines["switches/order-status:"] == (
        "switches/order-status: nothing: there is no intent of this name; did you mean 'order_status'?"
    )
    assert lines["you"] == "you are developer@localhost; a person decides below confidence 0.8"
    assert await ops(world, "policy --json") == 0
    [policy] = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"you"')]
    assert json.loads(policy)["intents"]["cancel_order"]["switched_off"] is True
