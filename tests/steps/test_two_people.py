"""What takes more than one person: counted, shown, and void once anything changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.errors import Refused
from shared.intent.declaration import Policy
from shared.intent.registry import Registry
from tests.scripted import ScriptedHandler
from tests.steps.test_edits import LEAD, LOWER, hear, write
from tests.world import REFUND, REGISTRY, World, paused, ticket


async def two(needed: int = 2, above: int = 2000, case: Any = REFUND, **settings: Any) -> World:
    """Return a world in which a refund of 25.00 waits for two people."""
    world = await paused(case, **settings)
    refund = REGISTRY["refund_request"]
    policy = replace(refund.policy, approvals=needed, approvals_above=above)
    world.ports.__dict__["registry"] = Registry(REGISTRY | {"refund_request": replace(refund, policy=policy)})
    return world


async def test_amount_over_the_bound_takes_two_people() -> None:
    world, handler = await two(), ScriptedHandler()
    record = await world.decide("t1", by="kay@example.com", comment="fine")
    assert (record.state, record.generation, record.approval) == ("AWAITING_APPROVAL", 1, None)
    approval = await world.approval("t1")
    assert (approval["status"], approval["approved_by"], approval["missing"]) == ("pending", ["kay@example.com"], 1)
    assert (await world.execute("t1", handler)).code in ("no_preview", "previewed")
    for same in ("kay@example.com", "Kay+2@Example.com"):
        with pytest.raises(Refused) as refused:
            await world.decide("t1", by=same)
        assert refused.value.code == "already_approved"
    record = await world.decide("t1", by="lee@example.com")
    assert (record.state, [a.by for a in record.review.approvals]) == ("READY", ["kay@example.com", "lee@example.com"])
    approval = await world.approval("t1")
    assert (approval["status"], approval["approved_by"]) == ("approved", ["kay@example.com", "lee@example.com"])
    await world.execute("t1", handler)
    assert len(handler.calls) == 1


async def test_amount_below_the_bound_takes_one_and_what_the_event_does_not_say_takes_two() -> None:
    assert (await (await two(above=2500)).decide("t1")).state == "READY"
    world = await two(above=2500)
    assert (await world.decide("t1", parameters=LOWER)).state == "AWAITING_APPROVAL"  # nobody wrote of 10.00
    record = await world.decide("t1", by="lee@example.com")
    assert (record.state, record.parameters) == ("READY", LOWER)


async def test_edit_voids_what_others_approved_and_a_no_of_one_is_enough() -> None:
    world = await two()
    await world.decide("t1", by="kay@example.com")
    record = await world.decide("t1", by="lee@example.com", parameters=LOWER | {"amount_minor": 900_000})
    assert (record.state, [a.by for a in record.review.approvals]) == ("AWAITING_APPROVAL", ["lee@example.com"])
    assert (await world.decide("t1", "reject", by="kay@example.com")).state == "REJECTED"


async def test_words_that_change_void_what_was_approved() -> None:
    from shared.records.news import tell

    world = await two()
    await world.decide("t1", by="kay@example.com")
    await tell(world.ports, "t1", kind="edited", revision="2", text="other words")
    assert (await world.record("t1")).review.approvals == []


async def test_two_people_in_the_database_are_counted_alike() -> None:
    world = await two()
    assert await hear(world, await write(world, LEAD, status="approved")) == ["decided"]
    approval = await world.approval("t1")
    assert (approval["status"], approval["approved_by"], approval["missing"]) == ("pending", [LEAD], 1)
    assert await hear(world, await write(world, LEAD, status="approved")) == ["edit_refused"]
    assert await hear(world, await write(world, "kay@example.com", status="approved")) == ["decided"]
    assert (await world.record("t1")).state == "READY"


async def test_task_that_needs_more_people_than_when_it_was_approved_does_not_start() -> None:
    world, handler = await paused(), ScriptedHandler()
    await world.decide("t1")
    later = await two()
    world.ports.__dict__["registry"] = later.ports.registry
    refund = later.ports.registry["refund_request"]
    from functions.execute.step import execute

    pointer = '{"task_id": "t1", "generation": 1, "schema_version": 1}'
    outcome = await execute(world.delivery(pointer, subscription="intent"), world.ports, refund, handler)
    assert (outcome.code, handler.calls) == ("failed", [])
    assert (await world.record("t1")).error.code == "approval_missing"  # type: ignore[union-attr]


def test_declaration_of_approvals_is_checked() -> None:
    from shared.intent.checks import problems

    refund = REGISTRY["refund_request"]
    for policy, word in (
        (Policy(approvals=0), "approvals"),
        (Policy(approvals=6), "approvals"),
        (Policy(approvals=2, approvals_above=-1), "approvals_above"),
        (Policy(approvals=2, approvals_above=100), "approvals_above"),
        (Policy(approvals_above=100, amount="amount_minor", subject="/requester/email"), "approvals_above"),
    ):
        assert any(word in p for p in problems(replace(refund, policy=policy), refund.name)), policy


async def test_bound_is_of_one_currency_and_others_are_never_below_it() -> None:
    euros = REFUND[1] | {"parameters": REFUND[1]["parameters"] | {"currency": "EUR"}}
    world = await two(above=2500, case=(ticket("Please refund 25.00 EUR for order #10021"), euros))
    assert (await world.decide("t1")).state == "AWAITING_APPROVAL"
