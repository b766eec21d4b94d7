"""The execute step: once, for its own message, as its entry point is."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Retry
from shared.intent.declaration import Limits
from shared.intent.handler import TaskOutput
from shared.intent.outcomes import Ambiguous
from shared.intent.registry import load_handler
from tests.scripted import AskingHandler, ScriptedHandler
from tests.steps.conftest import Shop
from tests.steps.handlers import ACCEPTED, write
from tests.world import ORDER_STATUS, REFUND, REGISTRY, SUMMARY, paused, started

# --- the plain way


async def test_handler_gets_validated_parameters_and_its_result_is_stored_and_published() -> None:
    world = await started(REFUND)
    handler = ScriptedHandler(TaskOutput("refunded", provider_ref="re_1"))
    outcome = await world.execute("t1", handler)
    record = await world.record("t1")
    [(params, ctx)] = handler.calls
    assert params == REGISTRY["refund_request"].parameters(**REFUND[1]["parameters"])
    assert (ctx.task_id, ctx.effect_key, ctx.attempt) == ("t1", "t1.refund_request.1", 1)
    assert (ctx.requester["email"], ctx.dry_run) == ("kim@example.com", False)
    assert (outcome.code, record.state, record.effect.provider_ref) == ("succeeded", "SUCCEEDED", "re_1")
    [result] = world.publisher.on("results")
    assert (result["task_id"], result["state"], result["success"], result["output"]) == (
        "t1",
        "SUCCEEDED",
        True,
        "refunded",
    )
    assert (record.outbox, record.next_check_at) == (None, None)


@pytest.mark.parametrize("case", ACCEPTED)
async def test_task_that_runs_by_itself_takes_four_commits_or_five_where_work_comes_first(
    case: Any, shop: Shop
) -> None:
    world = await started(case)
    reads_first = REGISTRY[case[1]["intent"]].reads_first
    await world.execute("t1", ScriptedHandler(write if reads_first else "done"))
    assert (await world.record("t1")).state == "SUCCEEDED"
    assert world.store.commits == (5 if reads_first else 4)


async def test_copies_at_once_run_the_handler_once() -> None:
    world = await started(SUMMARY)

    async def slow(params: Any, ctx: Any) -> str:
        await asyncio.sleep(0.01)
        return "done"

    handler = ScriptedHandler(slow)
    outcomes = await asyncio.gather(*(world.execute("t1", handler) for _ in range(5)))
    codes = [o.code for o in outcomes]
    assert codes.count("succeeded") == len(handler.calls) == 1
    assert set(codes) <= {"succeeded", "lease_held", "already_done"}


async def test_redelivered_task_runs_once() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    codes = [(await world.execute("t1", handler)).code for _ in range(3)]
    assert (codes, len(handler.calls)) == (["succeeded", "already_done", "already_done"], 1)


async def test_message_whose_earlier_delivery_is_at_work_comes_again() -> None:
    world = await started(SUMMARY)

    async def busy(params: Any, ctx: Any) -> str:
        with pytest.raises(Retry) as error:
            await world.execute("t1", ScriptedHandler(), message_id="same")
        assert error.value.code == "lease_held_by_this_message"
        return "done"

    handler = ScriptedHandler(busy)
    await world.execute("t1", handler, message_id="same")
    assert len(handler.calls) == 1


# --- messages that may change nothing


@pytest.mark.parametrize("generation", [2, 7])
async def test_message_of_another_generation_changes_nothing(generation: int) -> None:
    world = await started(REFUND)
    before, handler = await world.record("t1"), ScriptedHandler()
    assert (await world.execute("t1", handler, generation=generation)).code == "stale"
    assert (await world.record("t1"), handler.calls) == (before, [])


@pytest.mark.parametrize("topic", ["order_status", "cancel_order"])
async def test_message_forged_onto_the_topic_of_another_intent_changes_nothing(topic: str) -> None:
    world = await started(REFUND)
    before, handler = await world.record("t1"), ScriptedHandler()
    assert (await world.execute("t1", handler, intent=topic)).code == "other_intent"
    assert (await world.record("t1"), handler.calls) == (before, [])


async def test_other_intents_handler_is_not_asked_about_an_unknown_effect() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    stranger = AskingHandler(verdicts=["not_applied"])
    assert (await world.execute("t1", stranger, intent="cancel_order")).code == "other_intent"
    assert (stranger.asked, (await world.record("t1")).state) == ([], "UNKNOWN")


async def test_task_that_waits_for_a_person_is_not_run_by_a_forged_message() -> None:
    world = await paused()
    handler = ScriptedHandler()
    assert (await world.execute("t1", handler)).code == "no_preview"
    assert (handler.calls, (await world.record("t1")).state) == ([], "AWAITING_APPROVAL")


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{}",
        '{"task_id":"t1"}',
        '{"task_id":"t1","generation":1,"schema_version":2}',
        '{"task_id":"t1","generation":"1","schema_version":1}',
        '{"task_id":"t1","generation":1,"parameters":{}}',
    ],
)
async def test_message_of_another_form_is_parked_and_acknowledged(data: str) -> None:
    world = await started(ORDER_STATUS)
    handler = ScriptedHandler()
    outcome = await world.execute("t1", handler, data=data)
    assert (outcome.code, outcome.status, handler.calls) == ("parked", 200, [])
    assert (await world.record("t1")).state == "READY"


async def test_message_about_a_task_that_is_not_there_is_parked_and_acknowledged() -> None:
    world = await started(ORDER_STATUS)
    missing = json.dumps({"task_id": "t2", "generation": 1, "schema_version": 1})
    outcome = await world.execute("t1", ScriptedHandler(), data=missing)
    [letter] = world.store.all("dead_letters")
    assert (outcome.code, outcome.status, letter["reason"], letter["task_id"]) == (
        "parked",
        200,
        "task_not_found",
        "t2",
    )


# --- the entry point


@pytest.mark.parametrize("name", sorted(REGISTRY))
async def test_every_declared_intent_has_a_handler(name: str) -> None:
    assert asyncio.iscoroutinefunction(load_handler(name).handle)


async def test_process_that_stood_still_after_its_claim_does_not_act() -> None:
    """Others may have taken over: the handler's time counts from before the claim."""
    from functions.execute.step import execute

    world = await started(SUMMARY)
    hasty = replace(REGISTRY["ticket_summary"], limits=Limits(max_concurrency=1, timeout_s=1, max_attempts=5))

    async def stand_still() -> None:
        await asyncio.sleep(1)

    world.network.before_commit = stand_still
    handler = ScriptedHandler()
    delivery = world.delivery('{"task_id": "t1", "generation": 1, "schema_version": 1}', subscription="intent")
    with pytest.raises(Retry) as caught:
        await execute(delivery, world.ports, hasty, handler)
    assert (caught.value.code, handler.calls) == ("deadline_passed", [])
    assert not (await world.record("t1")).effect.possibly_applied


async def test_lease_ends_after_the_function_must_have() -> None:
    world = await started(SUMMARY)
    lease = []

    async def look(params: Any, ctx: Any) -> str:
        lease.append((await world.record("t1")).exec.lease_until)
        return "done"

    await world.execute("t1", ScriptedHandler(look))
    assert lease == [world.store.now + timedelta(seconds=REGISTRY["ticket_summary"].limits.timeout_s + 30)]
