"""What a redrive approves: what a person looked at alone, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.intent.outcomes import Permanent
from shared.records import repairs
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.steps.test_two_people import two
from tests.world import REFUND, SUMMARY, paused, started

LEAD, INTERN = "lead@example.com", "intern@example.com"
LEADS = {"*": frozenset({LEAD})}
HIGHER = {"order_id": "#10021", "amount_minor": 900_000, "currency": "USD"}
LOWER = {"order_id": "#10021", "amount_minor": 1000, "currency": "USD"}


KAY = Person("kay@example.com", "console")


async def test_redrive_in_bulk_approves_nothing_and_asks_about_what_nobody_approved() -> None:
    world, handler = await paused(), ScriptedHandler()
    await world.decide("t1", "reject")
    record = await repairs.redrive(world.ports, "t1", KAY, await world.look("t1", alone=False), reason="again")
    assert (record.state, record.approval, record.generation, record.outbox) == ("AWAITING_APPROVAL", None, 2, None)
    assert record.decision.expires_at == world.store.now + timedelta(hours=72)
    approval = await world.approval("t1")
    assert (approval["status"], approval["outcome"], approval["generation"]) == ("pending", None, 2)
    await world.decide("t1")
    await world.execute("t1", handler)
    assert len(handler.calls) == 1


async def test_redrive_of_one_that_was_looked_at_alone_approves_it() -> None:
    world = await paused()
    await world.decide("t1", "reject")
    record = await repairs.redrive(world.ports, "t1", KAY, await world.look("t1"), reason="again")
    assert (record.state, record.approval and record.approval.by) == ("READY", KAY.name)


async def test_redrive_keeps_what_was_approved_before() -> None:
    world = await paused()
    await world.decide("t1", by="lee@example.com")
    await world.execute("t1", ScriptedHandler(Permanent("no")))
    record = await repairs.redrive(world.ports, "t1", KAY, await world.look("t1", alone=False), reason="again")
    assert (record.state, record.approval and record.approval.by) == ("READY", "lee@example.com")


@pytest.mark.parametrize(("threshold", "code"), [(0.8, "succeeded"), (0.99, "awaiting_approval")])
async def test_what_ran_without_a_person_runs_again_within_the_limits_of_today(threshold: float, code: str) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Permanent("no")))
    world.set(confidence_threshold=threshold)
    record = await repairs.redrive(world.ports, "t1", KAY, await world.look("t1", alone=False), reason="again")
    assert (record.state, record.approval) == ("READY", None)
    assert (await world.execute("t1", ScriptedHandler())).code == code


async def test_redrive_of_what_needs_two_people_waits_for_the_second() -> None:
    world = await two()
    await world.decide("t1", "reject")
    record = await repairs.redrive(world.ports, "t1", KAY, await world.look("t1"), reason="again")
    assert (record.state, [a.by for a in record.review.approvals]) == ("AWAITING_APPROVAL", [KAY.name])
    assert (await world.decide("t1", by="lee@example.com")).state == "READY"


async def test_cancelled_task_can_be_redriven() -> None:
    world = await paused()
    await repairs.cancel(world.ports, "t1", KAY, await world.look("t1"), reason="duplicate")
    record = await repairs.redrive(world.ports, "t1", KAY, await world.look("t1"), reason="it was none")
    assert record.state == "READY"


async def test_redrive_with_what_the_event_does_not_say_takes_as_many_people_as_an_edit_would() -> None:
    from shared.records.decisions import Change

    world = await two(above=2500)
    await world.decide("t1", "reject")
    change = Change(parameters=REFUND[1]["parameters"] | {"amount_minor": 1000})
    look = await world.look("t1")
    record = await repairs.redrive(world.ports, "t1", KAY, look, reason="a part of it", change=change)
    assert (record.state, [a.by for a in record.review.approvals]) == ("AWAITING_APPROVAL", [KAY.name])
    assert any(r.startswith("edited: provenance: amount_minor") for r in record.decision.reasons)
    assert (await world.decide("t1", by="lee@example.com")).state == "READY"
