"""What people decide: for exactly the parameters they saw, once, in time, and by whom it may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.errors import Conflict, Forbidden, NotFound, Refused, StoreUnavailable, SwitchyardError, Unprocessable
from shared.gate.doors import Look
from shared.records.decisions import decide
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, REGISTRY, World, paused, says, ticket

OPS = Person("ops@example.com", "console")


async def test_approved_task_runs_with_exactly_the_parameters_that_were_shown() -> None:
    world, handler = await paused(), ScriptedHandler()
    shown = (await world.approval("t1"))["parameters"]
    record = await world.decide("t1", comment="fine")
    assert (record.state, record.approval and record.approval.by) == ("READY", "ops@example.com")
    await world.execute("t1", handler)
    assert handler.calls[0][0].model_dump() == shown
    assert (await world.record("t1")).state == "SUCCEEDED"


async def test_approval_document_tells_who_decided_and_what_became_of_it() -> None:
    world = await paused()
    await world.decide("t1", comment="fine")
    approval = await world.approval("t1")
    told = {k: approval[k] for k in ("status", "decided_by", "decided_at", "outcome", "comment", "error")}
    assert told == {
        "status": "approved",
        "decided_by": "ops@example.com",
        "decided_at": world.store.now,
        "outcome": "READY",
        "comment": "fine",
        "error": None,
    }


async def test_rejected_task_ends_without_its_handler_and_tells_it() -> None:
    world, handler = await paused(), ScriptedHandler()
    await world.decide("t1", "reject")
    assert (await world.execute("t1", handler)).code == "already_done"
    assert (handler.calls, (await world.approval("t1"))["status"]) == ([], "rejected")
    assert [m["state"] for m in world.publisher.on("results")] == ["REJECTED"]


async def test_decision_about_other_parameters_than_shown_is_refused() -> None:
    world = await paused()
    with pytest.raises(Refused) as refused:
        await world.decide("t1", params_hash="0" * 64)
    assert (refused.value.code, (await world.record("t1")).state) == ("params_changed", "AWAITING_APPROVAL")


@pytest.mark.parametrize("first", ["approve", "reject"])
@pytest.mark.parametrize("second", ["approve", "reject"])
async def test_second_decision_is_refused(first: str, second: str) -> None:
    world = await paused()
    await world.decide("t1", first)
    before = await world.record("t1")
    with pytest.raises(Refused) as refused:
        await world.decide("t1", second)
    assert (refused.value.code, await world.record("t1")) == ("not_waiting", before)


async def test_of_two_people_at_once_one_decides() -> None:
    world = await paused()
    outcomes = await asyncio.gather(
        world.decide("t1", "approve", by="a@example.com"),
        world.decide("t1", "reject", by="b@example.com"),
        return_exceptions=True,
    )
    assert sum(isinstance(o, Refused) for o in outcomes) == 1
    record, approval = await world.record("t1"), await world.approval("t1")
    assert record.approval is not None
    assert record.approval.by == approval["decided_by"]
    assert len(record.history) == 2


async def test_decision_after_expiry_by_the_stores_clock_is_refused() -> None:
    world = await paused(approval_ttl_s=60)
    world.pass_time(seconds=60)
    with pytest.raises(Refused) as refused:
        await world.decide("t1")
    assert (refused.value.code, (await world.record("t1")).state) == ("expired", "AWAITING_APPROVAL")


async def test_unknown_task_is_not_found() -> None:
    with pytest.raises(NotFound):
        await decide(World().ports, "t9", OPS, "approve", Look(1, ""))


# --- edited


async def test_edited_parameters_are_a_new_generation_that_kills_the_old_messages() -> None:
    world, handler = await paused(), ScriptedHandler()
    edited = {"order_id": "#10021", "amount_minor": 1000, "currency": "USD"}
    record = await world.decide("t1", parameters=edited)
    assert (record.generation, record.parameters) == (2, edited)
    assert (await world.execute("t1", handler, generation=1)).code == "stale"
    await world.execute("t1", handler, generation=2)
    assert handler.calls[0][0].amount_minor == 1000
    assert (await world.approval("t1"))["parameters"] == edited


async def test_edited_parameters_are_gated_again_and_what_was_found_is_recorded() -> None:
    world = await paused()
    record = await world.decide("t1", parameters={"order_id": "#777", "amount_minor": 9900, "currency": "EUR"})
    edited = [r for r in record.decision.reasons if r.startswith("edited: ")]
    assert [r.split(": ")[1] for r in edited] == ["provenance", "provenance", "policy"]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"order_id": "#1"},
        {"order_id": "#10021", "amount_minor": -5, "currency": "USD"},
        {"order_id": "#10021", "amount_minor": "2500", "currency": "USD"},
        {"order_id": "#10021", "amount_minor": 2500, "currency": "USD", "note": "extra"},
    ],
)
async def test_edited_parameters_that_do_not_hold_are_refused(parameters: dict[str, Any]) -> None:
    world = await paused()
    with pytest.raises(Unprocessable) as refused:
        await world.decide("t1", parameters=parameters)
    assert (refused.value.code, refused.value.field) == ("parameters_invalid", "/parameters")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_unclassified_task_needs_an_intent_and_runs_as_that() -> None:
    world, handler = await paused((ticket("Where is #47384?"), says("out_of_scope"))), ScriptedHandler()
    for intent in (None, "no_such_intent"):
        with pytest.raises(Unprocessable) as refused:
            await world.decide("t1", intent=intent)
        assert refused.value.field == "/intent"
    record = await world.decide("t1", intent="order_status", parameters={"order_id": "#47384"})
    assert (record.intent, record.generation, record.effect_key) == ("order_status", 2, "t1.order_status.1")
    assert world.publisher.on("intent-order-status") == [{"task_id": "t1", "generation": 2, "schema_version": 1}]
    await world.execute("t1", handler)
    assert (await world.record("t1")).state == "SUCCEEDED"


async def test_intent_alone_is_enough_where_the_parameters_shown_fit_it() -> None:
    world = await paused((ticket("Where is #47384?"), says("track_order", order_id="#47384")))
    assert (await world.approval("t1"))["parameters"] == {"order_id": "#47384"}
    record = await world.decide("t1", intent="order_status")
    assert (record.state, record.parameters) == ("READY", {"order_id": "#47384"})


async def test_disabled_intent_cannot_be_approved() -> None:
    world = await paused()
    world.set(disabled_intents=frozenset({"refund_request"}))
    with pytest.raises(Unprocessable) as refused:
        await world.decide("t1")
    assert refused.value.code == "intent_disabled"


# --- who


@pytest.mark.parametrize(
    ("by", "allowed"),
    [
        ("refunds@example.com", True),
        ("Refunds@Example.com", True),
        ("refunds+me@example.com", False),
        ("lead@example.com", False),
        ("ops@example.com", False),
    ],
)
@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_only_approvers_of_the_intent_decide(by: str, allowed: bool, decision: str) -> None:
    approvers = {"refund_request": frozenset({"refunds@example.com"}), "*": frozenset({"lead@example.com"})}
    world = await paused(approvers=approvers)
    if allowed:
        assert (await world.decide("t1", decision, by=by)).state in ("READY", "REJECTED")
        return
    with pytest.raises(Forbidden) as refused:
        await world.decide("t1", decision, by=by)
    assert (refused.value.code, (await world.record("t1")).state) == ("not_an_approver", "AWAITING_APPROVAL")


async def test_person_cannot_choose_an_intent_they_do_not_approve() -> None:
    approvers = {"unclassified": frozenset({"ops@example.com"}), "refund_request": frozenset({"x@example.com"})}
    world = await paused((ticket("money"), says("out_of_scope")), approvers=approvers)
    with pytest.raises(Forbidden):
        await world.decide("t1", intent="refund_request", parameters=REFUND[1]["parameters"])


async def test_intent_can_be_kept_to_some_channels() -> None:
    from dataclasses import replace

    from shared.intent.declaration import Policy
    from shared.intent.registry import Registry

    world = await paused()
    console_only = replace(REGISTRY["refund_request"], policy=Policy(channels=("console",)))
    world.ports.__dict__["registry"] = Registry({"refund_request": console_only})
    with pytest.raises(Forbidden) as refused:
        await world.decide("t1", channel="firestore")
    assert refused.value.code == "channel_not_allowed"
    assert (await world.decide("t1", channel="console")).state == "READY"


# --- when the store or the bus fails


@pytest.mark.parametrize("error", [Conflict(), StoreUnavailable("down")])
async def test_decision_is_applied_whole_or_not_at_all(error: SwitchyardError) -> None:
    world = await paused()
    world.network.fail_next = [error] if isinstance(error, Conflict) else [error] * 9
    try:
        await world.decide("t1")
    except StoreUnavailable:
        assert ((await world.record("t1")).state, (await world.approval("t1"))["outcome"]) == (
            "AWAITING_APPROVAL",
            None,
        )
    else:
        assert ((await world.record("t1")).state, (await world.approval("t1"))["outcome"]) == ("READY", "READY")


async def test_decision_whose_message_cannot_be_published_stands_and_is_published_by_the_sweeper() -> None:
    world = await paused()
    world.publisher.messages.clear()
    world.publisher.broken = True
    assert (await world.decide("t1")).state == "READY"
    world.publisher.broken = False
    world.pass_time(seconds=30)
    assert await world.sweep() == {"published": 1}
    assert len(world.publisher.on("intent-refund-request")) == 1


async def test_low_risk_task_that_is_only_unsure_is_approved_like_any_other() -> None:
    task, answer = ORDER_STATUS
    world = await paused((task, answer | {"confidence": 0.5}))
    await world.decide("t1")
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"
