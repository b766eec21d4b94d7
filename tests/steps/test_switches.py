"""The kill switch holds tasks; switched on again, they go on by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from shared.records import repairs
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, SUMMARY, started

LEAD, INTERN = "lead@example.com", "intern@example.com"
LEADS = {"*": frozenset({LEAD})}
HIGHER = {"order_id": "#10021", "amount_minor": 900_000, "currency": "USD"}
LOWER = {"order_id": "#10021", "amount_minor": 1000, "currency": "USD"}


KAY = Person("kay@example.com", "console")


@pytest.mark.parametrize("case", [ORDER_STATUS, REFUND, SUMMARY], ids=["at once", "reads first", "no key"])
@pytest.mark.parametrize("how", ["switch", "setting"])
async def test_kill_switch_pauses_tasks_and_they_go_on_by_themselves(case: Any, how: str) -> None:
    world, handler = await started(case), ScriptedHandler()
    intent = (await world.record("t1")).intent
    world.store.put(f"switches/{intent}", enabled=how != "switch")
    if how == "setting":
        world.set(disabled_intents=frozenset({intent}))
    for _ in range(60):
        world.publisher.messages.clear()
        assert (await world.execute("t1", handler)).code == "ready"
        assert world.publisher.messages == []
        world.pass_time(minutes=5)
        assert await world.sweep() == {"published": 1}
    record = await world.record("t1")
    assert (record.state, record.exec.attempts, record.error and record.error.code) == ("READY", 0, "switched_off")
    assert [t.why for t in record.history].count("switched_off") == 1
    world.store.put(f"switches/{intent}", enabled=True)
    world.set(disabled_intents=frozenset())
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(handler.calls) == 1


async def test_switch_between_claim_and_write_takes_the_attempt_back() -> None:
    world = await started(REFUND)

    async def switched(params: Any, ctx: Any) -> str:
        world.store.put("switches/refund_request", enabled=False)
        await ctx.http.call("POST", "/v1/refunds", key=ctx.effect_key)
        raise AssertionError("nothing is sent")

    assert (await world.execute("t1", ScriptedHandler(switched))).code == "ready"
    record = await world.record("t1")
    assert (record.state, record.exec.attempts - record.exec.waits, record.effect.possibly_applied) == (
        "READY",
        0,
        False,
    )
    world.store.put("switches/refund_request", enabled=True)
    world.pass_time(minutes=6)
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


async def test_held_task_can_be_cancelled() -> None:
    world = await started(SUMMARY)
    world.store.put("switches/ticket_summary", enabled=False)
    await world.execute("t1", ScriptedHandler())
    assert (
        await repairs.cancel(world.ports, "t1", KAY, await world.look("t1"), reason="too late")
    ).state == "CANCELLED"
