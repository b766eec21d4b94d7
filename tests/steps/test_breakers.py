"""Too many wrong decisions of one intent, and it asks people, until one of them lets it run by itself again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Forbidden, NotFound, Refused
from shared.intent.outcomes import Permanent
from shared.records.breakers import breaker_path, breakers, open_breaker, rearm
from shared.task.label import Label
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import CANCEL_ORDER, ORDER_STATUS, SUMMARY, World, started, ticket

OPS = Person("ops@example.com", "console")
WHY = "9 of 10 decisions in 24 hours were wrong"


def judged(world: World, right: bool | None, count: int, intent: str = "order_status", **fields: Any) -> None:
    """Put labels of an intent, as people's decisions leave them."""
    known = len(world.store.all("labels"))
    for n in range(known, known + count):
        label = Label(
            task_id=f"j{n}",
            at=world.now,
            by="ops@example.com",
            source="helpdesk",
            said=intent,
            confidence=0.5,
            model="m",
            prompt_version="p1",
            verdict="right" if right else "wrong_intent",
            intent=intent,
            right=right,
            drawn="",
            text_sha256="",
        )
        world.store.put(f"labels/j{n}", **(label.model_dump() | fields))


async def failed(world: World, count: int) -> None:
    for n in range(count):
        task = ticket("Where is my order #47384?", task_id=f"f{n}")
        await world.run(task, ScriptedHandler(Permanent("the shop does not know it")))


async def trip(world: World, intent: str) -> None:
    world.ports.lately.clear()
    await open_breaker(world.ports, intent, cause="error_budget", why=WHY, bad=9, seen=10, function="sweep")


# --- when it opens


@pytest.mark.parametrize(
    ("wrong", "right", "nothing", "opens"),
    [(7, 0, 0, False), (8, 0, 0, True), (8, 8, 0, True), (8, 16, 0, False), (8, 0, 50, True), (20, 20, 0, True)],
)
async def test_breaker_opens_when_more_than_the_budget_is_certainly_wrong(
    wrong: int, right: int, nothing: int, opens: bool
) -> None:
    world = World()
    judged(world, False, wrong)
    judged(world, True, right)
    judged(world, None, nothing)
    await world.sweep()
    assert [(name, b.open, b.bad) for name, b in (await breakers(world.store)).items()] == (
        [("order_status", True, wrong)] if opens else []
    )


async def test_failures_of_what_ran_by_itself_count_and_what_succeeded_stands_beside_them() -> None:
    world = World(ORDER_STATUS[1])
    await failed(world, 4)
    judged(world, False, 4)
    for n in range(20):
        await world.run(ticket("Where is my order #47384?", task_id=f"s{n}"), ScriptedHandler("On its way"))
    await world.sweep()
    assert await breakers(world.store) == {}
    judged(world, False, 8)
    await world.sweep()
    assert (await breakers(world.store))["order_status"].why == "16 of 36 decisions in 24 hours were wrong"


async def test_audited_task_counts_once() -> None:
    world = World(ORDER_STATUS[1])
    await failed(world, 4)
    judged(world, False, 4)
    judged(world, True, 4, drawn="audit")
    await world.sweep()
    assert (await breakers(world.store))["order_status"].seen == 8


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"at": World().now - timedelta(hours=25)}, {}),
        ({"said": "unclassified"}, {}),
        ({}, {"error_budget": 0.0}),
    ],
    ids=["long ago", "of no intent", "switched off"],
)
async def test_errors_that_do_not_count_open_nothing(fields: Any, settings: Any) -> None:
    world = World(**settings)
    judged(world, False, 30, **fields)
    await world.sweep()
    assert await breakers(world.store) == {}


async def test_errors_of_one_intent_stop_no_other() -> None:
    world = World()
    judged(world, False, 5)
    judged(world, False, 9, "cancel_order")
    await world.sweep()
    assert list(await breakers(world.store)) == ["cancel_order"]


# --- what it stops


async def test_task_of_a_stopped_intent_asks_people_and_says_why() -> None:
    world = World(ORDER_STATUS[1])
    await trip(world, "order_status")
    await world.classify(ORDER_STATUS[0])
    record = await world.record("t1")
    assert (record.state, record.decision.reasons) == ("AWAITING_APPROVAL", [f"breaker: {WHY}"])


@pytest.mark.parametrize("case", [SUMMARY, CANCEL_ORDER], ids=["at once", "reads first"])
async def test_task_that_was_let_through_goes_back_to_people_when_its_breaker_opens(case: Any) -> None:
    world, handler = await started(case), ScriptedHandler()
    await trip(world, case[1]["intent"])
    assert (await world.execute("t1", handler)).code == "awaiting_approval"
    record, approval = await world.record("t1"), await world.approval("t1")
    assert (handler.calls, record.effect.possibly_applied, record.generation) == ([], False, 2)
    assert approval["reasons"] == [f"breaker: {WHY}"]
    assert approval["status"] == "pending"


async def test_task_that_waits_since_its_breaker_opened_runs_once_a_person_says_so() -> None:
    world, handler = await started(SUMMARY), ScriptedHandler()
    await trip(world, "ticket_summary")
    await world.execute("t1", handler)
    assert (await world.execute("t1", handler, generation=1)).code == "stale"
    await world.decide("t1")
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(handler.calls) == 1


async def test_what_a_person_has_approved_runs_whatever_the_breaker_says() -> None:
    world = World(ORDER_STATUS[1])
    await trip(world, "order_status")
    await world.classify(ORDER_STATUS[0])
    await world.decide("t1")
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


async def test_breaker_that_opens_while_a_handler_looks_things_up_stops_its_write() -> None:
    world = await started(CANCEL_ORDER)

    async def late(params: Any, ctx: Any) -> str:
        await trip(world, "cancel_order")
        await ctx.http.call("POST", "/orders/1/cancel")
        return "done"

    assert (await world.execute("t1", ScriptedHandler(late))).code == "awaiting_approval"
    assert (await world.record("t1")).effect.possibly_applied is False


async def test_breaker_of_what_may_never_run_by_itself_is_not_read() -> None:
    world = World(CANCEL_ORDER[1])
    await world.classify(CANCEL_ORDER[0])
    await world.decide("t1")
    world.store.put(breaker_path("cancel_order"), **{"unreadable": True})
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


async def test_open_breakers_are_asked_for_once_in_some_seconds() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    await open_breaker(world.ports, "order_status", cause="error_budget", why=WHY, bad=9, seen=10, function="sweep")
    await world.classify(ticket("Where is my order #47384?", task_id="t2"))
    assert (await world.record("t2")).state == "READY"  # this instance does not know yet, and the start does
    await world.execute("t2", ScriptedHandler())
    assert (await world.record("t2")).state == "AWAITING_APPROVAL"


# --- the way back


async def test_armed_again_it_counts_anew_and_keeps_who_did_it_and_why() -> None:
    world = World()
    judged(world, False, 9)
    await world.sweep()
    world.pass_time(minutes=1)
    armed = await rearm(world.ports, "order_status", OPS, "the shop is back")
    assert (armed.open, armed.rearmed_by, armed.rearm_reason) == (False, "ops@example.com", "the shop is back")
    await world.sweep()
    assert (await breakers(world.store))["order_status"] == armed
    judged(world, False, 8)
    await world.sweep()
    opened = (await breakers(world.store))["order_status"]
    assert (opened.open, opened.bad, opened.rearmed_by) == (True, 8, "ops@example.com")


async def test_only_a_person_who_may_approve_arms_it_again() -> None:
    world = World(approvers={"order_status": frozenset({"ops@example.com", "bot@x.iam.gserviceaccount.com"})})
    with pytest.raises(Refused, match="not open"):
        await rearm(world.ports, "order_status", OPS, "why not")
    await trip(world, "order_status")
    for who in (Person("eve@example.com", "console"), Person("bot@x.iam.gserviceaccount.com", "console", False)):
        with pytest.raises(Forbidden):
            await rearm(world.ports, "order_status", who, "why not")
    with pytest.raises(NotFound):
        await rearm(world.ports, "make_tea", OPS, "why not")
    assert (await breakers(world.store))["order_status"].open
