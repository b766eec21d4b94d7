"""Who may start, change or end an effect, and of what they saw: the same at every door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import Forbidden, Refused, Unprocessable
from shared.gate.doors import Look
from shared.intent.outcomes import Pending, Permanent
from shared.records import decisions, repairs
from shared.records.decisions import Change
from shared.records.letters import close_letter, redrive_letter
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import REGISTRY, World, paused

LEAD, INTERN = "lead@example.com", "intern@example.com"
LEADS = {"*": frozenset({LEAD})}
HIGHER = {"order_id": "#10021", "amount_minor": 900_000, "currency": "USD"}
LOWER = {"order_id": "#10021", "amount_minor": 1000, "currency": "USD"}


KAY = Person("kay@example.com", "console")


Door = Callable[[World, Person, Look], Awaitable[Any]]


async def _approve(world: World, person: Person, look: Look) -> Any:
    return await decisions.decide(world.ports, "t1", person, "approve", look)


async def _approve_as(world: World, person: Person, look: Look) -> Any:
    change = Change(intent="order_status", parameters={"order_id": "#10021"})
    return await decisions.decide(world.ports, "t1", person, "approve", look, change)


async def _reject(world: World, person: Person, look: Look) -> Any:
    return await decisions.decide(world.ports, "t1", person, "reject", look)


async def _edit(world: World, person: Person, look: Look) -> Any:
    return await decisions.edit(world.ports, "t1", person, look, Change(parameters=LOWER))


async def _cancel(world: World, person: Person, look: Look) -> Any:
    return await repairs.cancel(world.ports, "t1", person, look, reason="no")


async def _redrive(world: World, person: Person, look: Look) -> Any:
    return await repairs.redrive(world.ports, "t1", person, look, reason="again")


async def _settle(world: World, person: Person, look: Look) -> Any:
    return await repairs.settle(world.ports, "t1", person, look, verdict="applied", reason="seen")


async def _redrive_letter(world: World, person: Person, look: Look) -> Any:
    return await redrive_letter(world.ports, world.bury("m1", "t1"), person, reason="again", look=look)


async def _close_letter(world: World, person: Person, look: Look) -> Any:
    return await close_letter(world.ports, world.bury("m1", "t1"), person, reason="seen", look=look)


WAITING: tuple[Door, ...] = (_approve, _approve_as, _reject, _edit, _cancel, _close_letter)
ENDED: tuple[Door, ...] = (_redrive, _redrive_letter, _close_letter)


async def where(door: Door, **settings: Any) -> World:
    """Return a world in which the door is open to everybody who may."""
    if door is _settle or door in ENDED:
        world = await paused(**settings)
        await world.decide("t1", by=LEAD)
        end = Pending() if door is _settle else Permanent("no")
        world.ports.__dict__["registry"] = REGISTRY | {
            "refund_request": replace(
                REGISTRY["refund_request"], limits=replace(REGISTRY["refund_request"].limits, max_attempts=1)
            )
        }
        await world.execute("t1", ScriptedHandler(end))
        return world
    return await paused(**settings)


DOORS = pytest.mark.parametrize("door", [*WAITING, *ENDED[:2], _settle], ids=lambda d: d.__name__.strip("_"))


@DOORS
async def test_only_who_may_decide_the_intent_as_it_is_gets_through(door: Door) -> None:
    approvers = {"refund_request": frozenset({LEAD}), "order_status": frozenset({KAY.name})}
    world = await where(door, approvers=approvers)
    before, look = await world.record("t1"), await world.look("t1")
    with pytest.raises(Forbidden) as refused:
        await door(world, KAY, look)
    assert (refused.value.code, await world.record("t1")) == ("not_an_approver", before)


@DOORS
async def test_nobody_gets_through_with_a_request_of_their_own(door: Door) -> None:
    world = await where(door)
    before, look = await world.record("t1"), await world.look("t1")
    for name in ("kim@example.com", "Kim+refunds@Example.com"):
        with pytest.raises(Forbidden) as refused:
            await door(world, Person(name, "console"), look)
        assert (refused.value.code, await world.record("t1")) == ("own_request", before)


@DOORS
@pytest.mark.parametrize(
    ("other", "code"), [({"params_hash": "0" * 64}, "params_changed"), ({"generation": 9}, "generation_changed")]
)
async def test_nothing_is_done_to_a_task_that_has_moved_on_since_it_was_seen(
    door: Door, other: dict[str, Any], code: str
) -> None:
    world = await where(door)
    before, look = await world.record("t1"), await world.look("t1", **other)
    with pytest.raises(Refused) as refused:
        await door(world, KAY, look)
    assert (refused.value.code, await world.record("t1")) == (code, before)


@DOORS
async def test_door_opens_to_who_may_and_has_looked(door: Door) -> None:
    world = await where(door, approvers=LEADS)
    world.pass_time(minutes=2)
    await door(world, Person(LEAD, "console"), await world.look("t1"))


async def test_letter_of_a_task_is_not_redriven_unseen() -> None:
    world = await where(_redrive)
    with pytest.raises(Unprocessable) as refused:
        await redrive_letter(world.ports, world.bury("m1", "t1"), KAY, reason="again")
    assert refused.value.field == "/generation"


async def test_nobody_approves_what_they_say_is_their_own() -> None:
    world = await paused()
    with pytest.raises(Forbidden) as refused:
        await world.decide("t1", by="kay@example.com", requester_email="kay@example.com")
    assert refused.value.code == "own_request"


async def test_refusals_are_errors_that_say_why() -> None:
    world = await where(_cancel, approvers=LEADS)
    with pytest.raises(Forbidden) as refused:
        await _cancel(world, KAY, await world.look("t1"))
    assert refused.value.message == "you are not an approver of refund_request"
