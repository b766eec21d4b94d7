"""What a redrive approves: what a person looked at alone, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import Refused, Unprocessable
from shared.intent.outcomes import Ambiguous, Permanent
from shared.records import repairs
from shared.records.decisions import Change
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.steps.test_two_people import two
from tests.world import REFUND, SUMMARY, World, paused, started, ticket

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
    world = await two(above=2500)
    await world.decide("t1", "reject")
    change = Change(parameters=REFUND[1]["parameters"] | {"amount_minor": 1000})
    look = await world.look("t1")
    record = await repairs.redrive(world.ports, "t1", KAY, look, reason="a part of it", change=change)
    assert (record.state, [a.by for a in record.review.approvals]) == ("AWAITING_APPROVAL", [KAY.name])
    assert any(r.startswith("edited: provenance: amount_minor") for r in record.decision.reasons)
    assert (await world.decide("t1", by="lee@example.com")).state == "READY"


async def failed() -> World:
    """Return a world in which a refund was approved, and the shop knew no such order."""
    world = await paused()
    await world.decide("t1", by="lee@example.com")
    await world.execute("t1", ScriptedHandler(Permanent("no such order")))
    return world


async def asked_again(world: World, **more: object) -> object:
    look = await world.look("t1")
    return await repairs.redrive(world.ports, "t1", KAY, look, reason="misread", then="wait", **more)  # type: ignore[arg-type]


async def test_what_is_asked_again_waits_for_a_decision_that_nobody_has_taken() -> None:
    for world in (await failed(), await paused()):
        if (await world.record("t1")).state == "AWAITING_APPROVAL":
            await world.decide("t1", "reject")
        await asked_again(world)
        record = await world.record("t1")
        assert (record.state, record.generation, record.approval, record.review.approvals) == (
            "AWAITING_APPROVAL",
            2,
            None,
            [],
        )
        assert (record.error, record.result, record.outbox) == (None, None, None)
        assert (await world.approval("t1"))["status"] == "pending"


async def test_corrected_parameters_are_checked_as_an_edit_is_and_looked_up_before_anybody_approves() -> None:
    world = await failed()
    asked = len(world.publisher.on("intent-refund-request"))
    await asked_again(world, change=Change(parameters=REFUND[1]["parameters"] | {"order_id": "#10022"}))
    record = await world.record("t1")
    assert (record.state, record.parameters["order_id"], record.review.edited_by) == (
        "AWAITING_APPROVAL",
        "#10022",
        KAY.name,
    )
    assert any(r.startswith("edited: provenance: order_id") for r in record.decision.reasons)
    assert len(world.publisher.on("intent-refund-request")) == asked + 1
    handler = ScriptedHandler()
    await world.decide("t1", by="lee@example.com")
    await world.execute("t1", handler)
    assert [(call[0].order_id, call[1].effect_key) for call in handler.calls] == [("#10022", "t1.refund_request.2")]


async def test_correction_that_does_not_hold_is_a_draft() -> None:
    world = await failed()
    await asked_again(world, change=Change(parameters={"order_id": "no spaces please"}))
    record = await world.record("t1")
    assert (record.state, record.parameters, record.review.draft) == (
        "AWAITING_APPROVAL",
        {},
        {"order_id": "no spaces please"},
    )


async def test_expired_task_without_an_intent_is_asked_about_again_and_given_one_by_hand() -> None:
    for change in (Change(), Change(intent="order_status", parameters={"order_id": "#47384"})):
        world = World("nonsense")
        await world.classify(ticket("Where is my order #47384?"))
        world.pass_time(hours=73)
        await world.sweep()
        assert (await world.record("t1")).state == "EXPIRED"
        await asked_again(world, change=change)
        record = await world.record("t1")
        assert (record.state, record.intent) == ("AWAITING_APPROVAL", change.intent or "unclassified")
        assert record.decision.expires_at == world.store.now + timedelta(hours=72)


async def test_effect_that_may_have_happened_is_not_asked_about_again_without_a_verdict() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    world.pass_time(minutes=2)
    with pytest.raises(Refused) as refused:
        await asked_again(world)
    assert refused.value.code == "verdict_needed"
    await asked_again(world, not_applied=True)
    record = await world.record("t1")
    assert (record.state, record.effect.seq, record.effect.possibly_applied) == ("AWAITING_APPROVAL", 2, False)


async def test_what_a_redrive_would_do_is_told_and_not_done() -> None:
    world = await failed()
    before = dict(world.store.documents)
    for then, state in ((None, "READY"), ("wait", "AWAITING_APPROVAL")):
        look = await world.look("t1")
        would = await repairs.redrive(world.ports, "t1", KAY, look, reason="x", then=then, only_tell=True)  # type: ignore[arg-type]
        assert would.state == state
    assert world.store.documents == before


async def test_nobody_approves_many_unseen() -> None:
    world = await failed()
    with pytest.raises(Unprocessable):
        await repairs.redrive(world.ports, "t1", KAY, await world.look("t1", alone=False), reason="x", then="run")


async def test_closed_task_stays_as_it_failed_and_runs_only_if_somebody_redrives_it() -> None:
    world = await failed()
    before = await world.record("t1")
    world.pass_time(hours=1)
    closed = await repairs.close(world.ports, "t1", KAY, await world.look("t1"), reason="refunded by hand")
    assert (closed.state, closed.generation, closed.error, closed.updated_at, closed.outbox) == (
        "FAILED",
        1,
        before.error,
        before.updated_at,
        before.outbox,
    )
    assert (closed.closed_at, closed.history[-1].by, closed.history[-1].why) == (
        world.store.now,
        KAY.name,
        "closed: refunded by hand",
    )
    with pytest.raises(Refused) as refused:
        await repairs.close(world.ports, "t1", KAY, await world.look("t1"), reason="again")
    assert refused.value.code == "already_closed"
    again = await repairs.redrive(world.ports, "t1", KAY, await world.look("t1"), reason="after all")
    assert (again.state, again.closed_at) == ("READY", None)
    with pytest.raises(Refused) as refused:
        await repairs.close(world.ports, "t1", KAY, await world.look("t1"), reason="not yet")
    assert refused.value.code == "not_failed"
