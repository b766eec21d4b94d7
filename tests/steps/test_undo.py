"""A decision taken back: while its effect has not begun it waits again, and what was under way never runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Forbidden, Refused, Retry
from shared.intent.registry import Registry
from shared.records import decisions
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import REFUND, REGISTRY, SUMMARY, World, paused, started

KAY = Person("kay@example.com", "console")


async def approved(case: Any = REFUND, *, undoable: bool = True, **settings: Any) -> World:
    """Return a world in which somebody has just approved a task at a door that offers to undo it."""
    world = await paused(case, **settings)
    person = Person("ops@example.com", "console")
    await decisions.decide(world.ports, "t1", person, "approve", await world.look("t1"), undoable=undoable)
    return world


async def undo(world: World, by: Person = KAY, **look: Any) -> Any:
    return await decisions.undo(world.ports, "t1", by, await world.look("t1", **look))


async def test_held_approval_begins_once_nobody_can_take_it_back_any_more() -> None:
    world, handler = await approved(), ScriptedHandler()
    record = await world.record("t1")
    assert (record.state, record.exec.not_before) == ("READY", world.store.now + timedelta(seconds=10))
    with pytest.raises(Retry):  # the bus comes again
        await world.execute("t1", handler)
    assert handler.calls == []
    world.pass_time(seconds=10)
    assert (await world.execute("t1", handler)).code == "succeeded"


async def test_held_approval_whose_message_is_lost_is_published_again() -> None:
    world = await approved()
    world.publisher.messages.clear()
    world.pass_time(seconds=40)
    assert await world.sweep() == {"published": 1}
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


async def test_what_was_taken_back_waits_again_and_its_message_runs_nothing() -> None:
    world, handler = await approved(), ScriptedHandler()
    after = await undo(world)
    assert (after.state, after.generation, after.approval, after.review.approvals, after.outbox) == (
        "AWAITING_APPROVAL",
        2,
        None,
        [],
        None,
    )
    assert (after.history[-1].by, after.history[-1].why) == (KAY.name, "undone")
    assert (await world.approval("t1"))["status"] == "pending"
    world.pass_time(minutes=1)
    assert (await world.execute("t1", handler, generation=1)).code == "stale"
    await world.decide("t1")
    assert (await world.execute("t1", handler, generation=1)).code == "stale"
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(handler.calls) == 1


async def test_rejection_is_taken_back_too() -> None:
    world = await paused()
    await world.decide("t1", "reject", cause="wrong_intent")
    assert (await undo(world)).state == "AWAITING_APPROVAL"


@pytest.mark.parametrize(("decision", "cause"), [("approve", "other"), ("reject", "wrong_intent")])
async def test_slip_proves_nothing_of_the_classifier_and_the_decision_after_it_does(decision: Any, cause: str) -> None:
    world = await paused()
    await world.decide("t1", decision, cause=cause)
    await undo(world)
    label = await world.label()
    assert label is not None
    assert (label.verdict, label.right) == ("other", None)
    await world.decide("t1")
    label = await world.label()
    assert label is not None
    assert (label.verdict, label.right) == ("right", True)


async def test_nothing_is_taken_back_once_it_has_begun_or_was_approved_by_nobody() -> None:
    begun = await approved()
    begun.pass_time(seconds=10)
    await begun.execute("t1", ScriptedHandler())
    alone = await started(SUMMARY)
    for world, code in ((begun, "already_begun"), (alone, "not_approved"), (await paused(), "already_begun")):
        before = await world.record("t1")
        with pytest.raises(Refused) as refused:
            await undo(world)
        assert refused.value.code == code
        assert await world.record("t1") == before


async def test_who_may_not_decide_takes_nothing_back() -> None:
    world = await approved(approvers={"*": frozenset({"ops@example.com"})})
    with pytest.raises(Forbidden):
        await undo(world)
    with pytest.raises(Refused):
        await undo(world, Person("ops@example.com", "console"), generation=7)
    assert (await world.record("t1")).state == "READY"


@pytest.mark.parametrize("how", ["urgent", "off", "program"])
async def test_what_is_urgent_off_or_approved_by_a_program_is_not_held(how: str) -> None:
    world = await paused((REFUND[0].model_copy(update={"priority": 4 if how == "urgent" else 1}), REFUND[1]))
    if how == "off":
        refund = REGISTRY["refund_request"]
        at_once = replace(refund, policy=replace(refund.policy, undo_s=0))
        world.ports.__dict__["registry"] = Registry(REGISTRY | {"refund_request": at_once})
    look, person = await world.look("t1"), Person("ops@example.com", "console")
    await decisions.decide(world.ports, "t1", person, "approve", look, undoable=how != "program")
    assert (await world.record("t1")).exec.not_before is None
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"
