"""The moment before an effect: policy is checked again, and the store must have said that the marker is set."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import CommitUnknown, Retry, StoreUnavailable
from shared.task.schemas import TaskRecord
from tests.scripted import ScriptedHandler
from tests.steps.conftest import Shop
from tests.steps.handlers import write
from tests.store import Unapplied
from tests.world import CANCEL_ORDER, SUMMARY, World, started

# --- policy at the last moment


def tighten(world: World, change: str) -> str:
    """Change the world so that the effect may not begin; return the code that says so."""
    if change == "switch":
        world.store.put("switches/cancel_order", enabled=False)
        world.store.put("switches/ticket_summary", enabled=False)
        return "switched_off"
    if change == "settings":
        world.set(confidence_threshold=0.99)
        return "policy_changed"
    if change == "outdated":
        world.tamper("t1", {"nothing": "known"}, with_hash=True)
        return "parameters_outdated"
    world.tamper("t1", {"order_id": "#10022", "summary": "pay"})
    return "parameters_tampered"


# What becomes of the task: switched off, it is held, and goes on by itself; a stricter policy asks people.
ENDS = {"switch": "ready", "settings": "awaiting_approval", "tampered": "failed", "outdated": "failed"}
CHANGES = [*ENDS]


def why(record: TaskRecord) -> str:
    """Return the code of why a task did not run."""
    return record.error.code if record.error else record.decision.reasons[-1].partition(":")[0]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("case", [SUMMARY, CANCEL_ORDER], ids=["at once", "reads first"])
async def test_policy_that_changed_after_classify_stops_the_task_before_its_handler(case: Any, change: str) -> None:
    world, handler = await started(case), ScriptedHandler()
    code = tighten(world, change)
    assert (await world.execute("t1", handler)).code == ENDS[change]
    record = await world.record("t1")
    assert (handler.calls, why(record)) == ([], code)


@pytest.mark.parametrize("change", CHANGES)
async def test_policy_that_changed_while_the_handler_looked_things_up_stops_the_write(change: str, shop: Shop) -> None:
    world = await started(CANCEL_ORDER)

    codes = []

    async def late(params: Any, ctx: Any) -> str:
        codes.append(tighten(world, change))
        return await write(params, ctx)

    assert (await world.execute("t1", ScriptedHandler(late))).code == ENDS[change]
    record = await world.record("t1")
    assert (shop.writes, record.effect.possibly_applied) == ([], False)
    assert [why(record)] == codes


async def test_marker_is_set_right_before_the_first_write(shop: Shop) -> None:
    world = await started(CANCEL_ORDER)
    marked = []

    async def watched(params: Any, ctx: Any) -> str:
        for method in ("GET", "POST"):
            await ctx.http.call(method, "/orders/1")
            marked.append((await world.record("t1")).effect.possibly_applied)
        return "done"

    await world.execute("t1", ScriptedHandler(watched))
    assert marked == [False, True]


async def test_switch_that_is_on_or_was_never_made_stops_nothing() -> None:
    world = await started(SUMMARY)
    world.store.put("switches/ticket_summary", enabled=True)
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


# --- the store fails


async def test_claim_of_unknown_outcome_that_was_applied_goes_on() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.network.fail_next = [CommitUnknown("lost answer")]
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(handler.calls) == 1


@pytest.mark.parametrize("error", [Unapplied("lost request"), StoreUnavailable("down")])
async def test_claim_that_was_not_applied_runs_nothing_and_comes_again(error: Any) -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.network.fail_next = [error]
    with pytest.raises(Retry):
        await world.execute("t1", handler, message_id="m")
    assert handler.calls == []
    assert (await world.execute("t1", handler, message_id="m")).code == "succeeded"


@pytest.mark.parametrize("error", [Unapplied("lost request"), StoreUnavailable("down")])
async def test_write_is_not_sent_while_the_marker_is_not_known_to_be_set(error: Any, shop: Shop) -> None:
    world = await started(CANCEL_ORDER)
    world.network.fail_next = [None, error]
    assert (await world.execute("t1", ScriptedHandler(write))).code == "start_unconfirmed"
    assert shop.writes == []
    world.pass_time(minutes=2)
    await world.sweep()
    assert (await world.execute("t1", ScriptedHandler(write))).code == "succeeded"


async def test_marker_of_unknown_outcome_that_was_set_lets_the_write_go(shop: Shop) -> None:
    world = await started(CANCEL_ORDER)
    world.network.fail_next = [None, CommitUnknown("lost answer")]
    assert (await world.execute("t1", ScriptedHandler(write))).code == "succeeded"
    assert len(shop.writes) == 1


@pytest.mark.parametrize("error", [Unapplied("lost request"), StoreUnavailable("down"), CommitUnknown("lost answer")])
async def test_known_outcome_is_committed_again_when_its_commit_fails(error: Any) -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.network.fail_next = [None, error]
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert ((await world.record("t1")).state, len(handler.calls)) == ("SUCCEEDED", 1)


async def test_known_outcome_that_cannot_be_committed_ends_as_unknown_not_as_a_second_effect() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.network.fail_next = [None] + [StoreUnavailable("down")] * 3
    with pytest.raises(StoreUnavailable):
        await world.execute("t1", handler)
    world.pass_time(minutes=2)
    assert (await world.execute("t1", handler)).code == "unknown"
    assert len(handler.calls) == 1


async def test_result_that_cannot_be_published_is_left_to_the_sweeper() -> None:
    world = await started(SUMMARY)
    world.publisher.broken = True
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"
    world.publisher.broken = False
    world.pass_time(seconds=30)
    await world.sweep()
    assert len(world.publisher.on("results")) == 1
    assert (await world.record("t1")).next_check_at is None
