"""Versions meet: messages, documents and decisions of the code before and after a deployment."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from functions.execute.step import execute
from shared.errors import Unprocessable
from shared.intent.registry import Registry
from shared.records import repairs
from shared.records.decisions import Change
from shared.task.execution import HOLD
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REGISTRY, World, paused, started

OPS = Person("ops@example.com", "console")


def deploy(world: World, registry: Registry) -> None:
    """Replace the intents that the world's functions were built with."""
    world.ports.__dict__["registry"] = registry


def without(name: str) -> Registry:
    """Return the intents but this one."""
    return Registry({n: intent for n, intent in REGISTRY.items() if n != name})


async def test_message_of_a_later_version_is_parked_and_its_task_runs_all_the_same() -> None:
    world, handler = await started(ORDER_STATUS), ScriptedHandler()
    later = json.dumps({"task_id": "t1", "generation": 1, "schema_version": 2})
    outcome = await world.execute("t1", handler, data=later)
    assert (outcome.code, outcome.status, handler.calls) == ("parked", 200, [])
    assert [letter["reason"] for letter in world.store.all("dead_letters")] == ["invalid_message"]
    world.pass_time(seconds=31)
    assert await world.sweep() == {"published": 1}  # the document still owes the message, in this version
    await world.execute("t1", handler)
    assert (await world.record("t1")).state == "SUCCEEDED"


async def test_task_with_a_field_of_a_later_version_is_parked_with_its_bytes() -> None:
    world = World(ORDER_STATUS[1])
    later = ORDER_STATUS[0].model_dump() | {"deadline": "2030-01-01T00:00:00Z"}
    outcome = await world.classify(json.dumps(later).encode())
    assert (outcome.code, world.model.calls) == ("parked", 0)
    assert len(world.store.all("dead_letters")) == 1


async def test_approval_of_a_removed_intent_is_refused_and_can_be_given_to_another() -> None:
    world = await paused()
    deploy(world, without("refund_request"))
    with pytest.raises(Unprocessable):
        await world.decide("t1")
    await world.decide("t1", intent="order_status", parameters={"order_id": "#10021"})
    record = await world.record("t1")
    assert (record.state, record.intent) == ("READY", "order_status")
    assert record.outbox is not None
    assert record.outbox.topic == "intent-order-status"


async def test_rejecting_needs_no_intent() -> None:
    world = await paused()
    deploy(world, without("refund_request"))
    await world.decide("t1", "reject")
    assert (await world.record("t1")).state == "REJECTED"


async def test_task_of_a_renamed_intent_fails_visibly_and_is_redriven_under_the_new_name() -> None:
    world = await started(ORDER_STATUS)
    renamed = replace(REGISTRY["order_status"], name="where_is_order")
    deploy(world, Registry({**without("order_status"), "where_is_order": renamed}))
    world.pass_time(seconds=31)
    await world.sweep()
    record = await world.record("t1")
    assert (record.state, record.error and record.error.code) == ("FAILED", "intent_removed")
    change = Change(intent="where_is_order")
    await repairs.redrive(world.ports, "t1", OPS, await world.look("t1"), reason="renamed", change=change)
    record = await world.record("t1")
    assert (record.state, record.generation) == ("READY", 2)
    assert world.publisher.on("intent-where-is-order") == [{"task_id": "t1", "generation": 2, "schema_version": 1}]


async def test_disabled_intent_holds_its_tasks_until_its_code_is_gone() -> None:
    """The way to remove an intent without losing sight of anything: disable, look at what is held, remove."""
    world, handler = await started(ORDER_STATUS), ScriptedHandler()
    world.set(disabled_intents=frozenset({"order_status"}))
    held_at = world.store.now
    assert (await world.execute("t1", handler)).code == "ready"
    record = await world.record("t1")
    assert (record.state, record.error and record.error.code) == ("READY", "switched_off")
    assert record.outbox is not None
    assert record.outbox.due_at == record.next_check_at == held_at + HOLD
    deploy(world, without("order_status"))
    assert await world.sweep() == {}
    world.pass_time(minutes=5)
    await world.sweep()
    record = await world.record("t1")
    assert (record.state, record.error and record.error.code) == ("FAILED", "intent_removed")
    assert handler.calls == []


async def test_parameters_that_a_later_schema_refuses_do_not_run() -> None:
    world, handler = await started(ORDER_STATUS), ScriptedHandler()
    refund = REGISTRY["refund_request"]
    stricter = replace(REGISTRY["order_status"], parameters=refund.parameters, schema_version=2)
    message = json.dumps({"task_id": "t1", "generation": 1, "schema_version": 1})
    await execute(world.delivery(message), world.ports, stricter, handler)
    record = await world.record("t1")
    assert (record.state, record.error and record.error.code) == ("FAILED", "parameters_outdated")
    assert handler.calls == []
