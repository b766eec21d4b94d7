"""The sweep's log line tells what alerts are made of: what is late, who waits, and the states it brought tasks into."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from functions.sweep import main
from shared.intent.registry import Registry
from shared.wiring import composition
from tests.world import REFUND, REGISTRY, World, deployed, ticket


async def swept(world: World, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Call the deployed function and return the lines it logged; the last one is its canonical line."""
    capsys.readouterr()
    composition.install(world.ports)
    try:
        transport = httpx.ASGITransport(deployed(main, "sweep"))
        async with httpx.AsyncClient(transport=transport, base_url="http://sweep") as client:
            assert (await client.post("/", json={})).status_code == 200
    finally:
        composition.install(None)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def waiting(*task_ids: str) -> World:
    """Return a world where people have not decided these tasks."""
    task, answer = REFUND
    world = World(answer)
    for task_id in task_ids:
        await world.classify(task.model_copy(update={"task_id": task_id}))
        world.pass_time(minutes=10)
    return world


async def test_line_counts_open_approvals_and_the_age_of_the_oldest(capsys: pytest.CaptureFixture[str]) -> None:
    world = await waiting("t1", "t2")
    line = (await swept(world, capsys))[-1]
    assert (line["function"], line["outcome"], line["approvals_waiting"]) == ("sweep", "swept", 2)
    assert 1200 <= line["oldest_approval_s"] < 1201
    await world.decide("t1", "reject")
    line = (await swept(world, capsys))[-1]
    assert line["approvals_waiting"] == 1
    assert 600 <= line["oldest_approval_s"] < 601


async def test_approval_whose_time_somebody_broke_is_counted_without_an_age(capsys: pytest.CaptureFixture[str]) -> None:
    world = await waiting("t1")
    await world.edit("t1", requested_at=None)
    line = (await swept(world, capsys))[-1]
    assert (line["approvals_waiting"], line["oldest_approval_s"]) == (1, 0)


async def test_switch_that_does_not_do_what_was_meant_is_told_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.store.put("switches/cancel_order", enabled=False)
    world.store.put("switches/order-status", enabled=False)
    world.store.put("switches/ticket_summary", enabled="false")
    for _ in range(2):
        odd = [line for line in await swept(world, capsys) if line.get("outcome") == "odd_switch"]
        assert sorted((line["severity"], line["message"], line["intent"]) for line in odd) == [
            ("WARNING", "a switch may be meant otherwise: it stops nothing", "order-status"),
            ("WARNING", "a switch may be meant otherwise: its intent is off", "ticket_summary"),
        ]


async def test_line_of_a_quiet_minute_says_nought(capsys: pytest.CaptureFixture[str]) -> None:
    line = (await swept(World(), capsys))[-1]
    assert (line["approvals_waiting"], line["oldest_approval_s"], line["overdue_s"]) == (0, 0, 0)


async def test_line_says_how_late_the_longest_owed_message_is(capsys: pytest.CaptureFixture[str]) -> None:
    world = World({"intent": "order_status", "parameters": {"order_id": "#47384"}, "confidence": 0.95})
    await world.classify(ticket("Where is my order #47384?"))
    due_at = (await world.record("t1")).next_check_at
    assert due_at is not None
    world.now = due_at + timedelta(seconds=90)
    assert (await swept(world, capsys))[-1]["overdue_s"] == 90


async def test_task_that_expires_is_told_as_a_transition(capsys: pytest.CaptureFixture[str]) -> None:
    world = await waiting("t1")
    world.pass_time(days=4)
    [told, _] = await swept(world, capsys)
    assert (told["state_from"], told["state_to"], told["task_id"]) == ("AWAITING_APPROVAL", "EXPIRED", "t1")


async def test_task_of_a_removed_intent_is_told_as_a_transition(capsys: pytest.CaptureFixture[str]) -> None:
    world = World({"intent": "order_status", "parameters": {"order_id": "#47384"}, "confidence": 0.95})
    await world.classify(ticket("Where is my order #47384?"))
    world.ports.__dict__["registry"] = Registry({k: v for k, v in REGISTRY.items() if k != "order_status"})
    world.pass_time(seconds=31)
    [told, _] = await swept(world, capsys)
    assert (told["state_from"], told["state_to"], told["error_code"]) == ("READY", "FAILED", "intent_removed")
