"""One wish, one effect; one fact, one task: what an event means for the tasks that are there already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.intake.taking import named, take
from shared.errors import Retry
from shared.intent.outcomes import Ambiguous
from shared.task.schemas import AutomationTask, TaskRecord
from tests.scripted import ScriptedHandler
from tests.world import (
    CANCEL_ORDER,
    CHANGE_ADDRESS,
    GOODS,
    ORDER_STATUS,
    REFUND,
    SUMMARY,
    World,
    says,
    ticket,
)


async def another(world: World, first: str = "t1") -> TaskRecord:
    """Return the one task beside the first."""
    [record] = [r for d in world.store.all("tasks") if (r := TaskRecord.model_validate(d)).task_id != first]
    return record


async def test_other_words_under_a_known_id_are_a_task_of_their_own_that_a_person_sees() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    for _ in range(2):  # its own redelivery is the same task
        await world.classify(ticket("Where is my order #47385?"))
        second = await another(world)
        assert second.state == "AWAITING_APPROVAL"
        assert "id_reused: the id is known from task t1" in second.decision.reasons
        assert second.raw_payload["text"] == "Where is my order #47385?"
    first = await world.record("t1")
    assert first.state == "READY"
    assert [(f.kind, f.task_id) for f in first.followups] == [("id_reused", second.task_id)]
    assert world.model.calls == 2


async def test_prose_in_members_that_nobody_knows_is_no_duplicate_of_other_prose() -> None:
    world = World(ORDER_STATUS[1])
    for words in ("Where is my order number 47384?", "Please refund order 10021 to me"):
        payload = {"id": 7, "deep": {"er": [words]}}
        taken = take("crm", payload)
        assert isinstance(taken, AutomationTask)
        for _ in range(2):
            await world.classify(taken)
    assert sorted(d["state"] for d in world.store.all("tasks")) == ["AWAITING_APPROVAL"] * 2


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "payload",
    [
        {"id": 7, "text": "Where is my order #47384?"},
        {"id": 7, "deep": {"er": ["Where is my order number 47384?"]}},
        {"text": "Where is my order #47384?"},
    ],
)
async def test_sender_is_told_the_id_that_the_task_gets(payload: dict[str, Any], known: bool) -> None:
    world = World(ORDER_STATUS[1])
    taken = take("crm", payload)
    assert isinstance(taken, AutomationTask)
    if known:
        await world.classify(ticket("Cancel order #1", task_id=taken.task_id))
    await world.classify(taken)
    answer = named(taken)
    record = await world.record(answer["or_task_id"] if known else answer["task_id"])
    assert record.raw_payload == payload
    assert len(world.store.all("tasks")) == 1 + known


@pytest.mark.parametrize("state", ["AWAITING_APPROVAL", "REJECTED"])
async def test_sender_of_an_edit_is_told_the_task_that_it_reaches(state: str) -> None:
    world = World(says("out_of_scope"))
    first, edited = comment("Summarize this"), comment("Where is my order #2?", "edited")
    await world.classify(first)
    if state == "REJECTED":
        await world.decide(first.task_id, "reject")
    await world.classify(edited)
    answer = named(edited)
    assert answer["task_id"] == first.task_id
    if state == "REJECTED":
        assert "order #2" in (await world.record(answer["or_task_id"])).payload
    else:
        assert [f.kind for f in (await world.record(answer["task_id"])).followups] == ["edited"]


async def test_sender_of_a_deletion_is_told_what_it_revises_and_promised_no_task() -> None:
    first, deleted = comment("Summarize this"), comment("Summarize this", "deleted")
    assert named(deleted) == {"revises": first.task_id}


async def test_known_id_from_another_source_is_a_task_of_its_own() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    await world.classify(ORDER_STATUS[0].model_copy(update={"source": "crm"}))
    assert (await another(world)).source == "crm"


async def test_two_facts_that_race_for_one_id_are_two_tasks() -> None:
    world = World(ORDER_STATUS[1])

    async def comes_first() -> None:
        await world.classify(ticket("Where is my order #47385?"))

    world.network.before_commit = comes_first
    await world.classify(ORDER_STATUS[0])
    assert (await another(world)).raw_payload["text"] == ORDER_STATUS[0].raw_payload["text"]


async def test_known_id_with_the_same_words_is_the_same_fact_whatever_else_it_carries() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    outcome = await world.classify(
        ORDER_STATUS[0].model_copy(update={"raw_payload": ORDER_STATUS[0].raw_payload | {"sent_at": 7}})
    )
    assert (outcome.code, world.model.calls, len(world.store.all("tasks"))) == ("duplicate", 1, 1)


async def test_event_without_words_goes_to_a_person_and_costs_no_call() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(AutomationTask(task_id="t1", source="crm", raw_payload={"order": 7}))
    record = await world.record("t1")
    assert (record.state, world.model.calls) == ("AWAITING_APPROVAL", 0)
    assert record.decision.reasons[0].startswith("no_words:")


# --- the same wish again


def refund_of(order: str, **more: Any) -> tuple[AutomationTask, dict[str, Any]]:
    text = f"Please refund $25.00 for order #{order}, it arrived broken"
    return ticket(text, **more), says("refund_request", order_id=f"#{order}", amount_minor=2500, currency="USD")


async def asked(world: World, order: str, **more: Any) -> TaskRecord:
    """Classify a refund of an order and return its record."""
    task, world.model.answers[:] = (made := refund_of(order, **more))[0], [made[1]]
    await world.classify(task)
    return await world.record(task.task_id)


async def test_second_wish_about_one_order_is_never_automatic() -> None:
    world = World(REFUND[1], automatic={"refund_request": 50_000})
    assert (await asked(world, "10021", task_id="r1")).state == "READY"
    second = await asked(world, "10021", task_id="r2", email="lee@example.com")
    assert second.state == "AWAITING_APPROVAL"
    assert second.decision.reasons == ["repeated: like task r1, refund_request asked for on 2026-01-05"]
    assert (await asked(world, "10022", task_id="r3")).state == "READY"


async def test_intents_that_exclude_each_other_are_one_wish() -> None:
    world = World(CANCEL_ORDER[1], automatic={"refund_request": 50_000})
    await world.classify(CANCEL_ORDER[0])
    assert (await asked(world, "10021", task_id="r2")).decision.reasons[0].startswith("repeated: like task t1, cancel")


async def test_wish_that_is_old_enough_is_no_repetition() -> None:
    world = World(REFUND[1], automatic={"refund_request": 50_000}, retention_days=365)
    await asked(world, "10021", task_id="r1")
    world.pass_time(days=91)
    assert (await asked(world, "10021", task_id="r2")).state == "READY"


async def test_two_that_wait_name_each_other_and_approving_one_says_so_on_the_other() -> None:
    world = World(REFUND[1])
    await asked(world, "10021", task_id="r1")
    await asked(world, "10021", task_id="r2")
    first, second = await world.record("r1"), await world.record("r2")
    assert any("like task r1" in reason for reason in second.decision.reasons)
    assert "repeated: the like is asked by task r2" in first.decision.reasons
    assert (await world.approval("r1"))["reasons"] == first.decision.reasons
    await world.decide("r2")
    assert "repeated: the like was approved as task r2" in (await world.record("r1")).decision.reasons
    assert (await world.record("r1")).state == "AWAITING_APPROVAL"


# --- words that are taken back


def comment(words: str, does: str = "created", *, issue: int = 1) -> AutomationTask:
    """Return what intake makes of a comment on GitHub."""
    payload = {
        "action": does,
        "issue": {"id": issue, "title": "t"},
        "comment": {"id": 9, "body": words, "updated_at": f"{does} {words}", "user": {"login": "kim"}},
        "repository": {"id": 5},
        "sender": {"login": "kim"},
    }
    if does == "edited":
        payload["changes"] = {"body": {"from": "Summarize this"}}
    taken = take("github", payload)
    assert isinstance(taken, AutomationTask)
    return taken


async def test_edit_while_the_task_waits_is_shown_beside_what_was_read() -> None:
    world = World(says("ticket_summary", 0.5, summary="x"))
    created = comment("Summarize this")
    await world.classify(created)
    for _ in range(2):
        await world.classify(comment("Summarize that", "edited"))
    record = await world.record(created.task_id)
    assert record.state == "AWAITING_APPROVAL"
    assert [(f.kind, f.text) for f in record.followups] == [("edited", "Summarize that")]
    assert record.decision.reasons[-1].startswith("changed_since:")
    assert (await world.approval(created.task_id))["reasons"] == record.decision.reasons
    assert world.model.calls == 1


@pytest.mark.parametrize(("does", "code"), [("edited", "changed_since"), ("deleted", "withdrawn")])
async def test_task_that_has_not_begun_waits_for_a_person_once_its_words_are_taken_back(does: str, code: str) -> None:
    world = World(SUMMARY[1])
    created = comment("Summarize this")
    await world.classify(created)
    assert (await world.record(created.task_id)).state == "READY"
    await world.classify(comment("Summarize that", does))
    record = await world.record(created.task_id)
    assert (record.state, record.generation, record.outbox) == ("AWAITING_APPROVAL", 2, None)
    assert record.decision.reasons[-1].startswith(code)
    assert (await world.approval(created.task_id))["status"] == "pending"
    handler = ScriptedHandler()
    await world.execute(created.task_id, handler, generation=1)  # the message that was under way
    assert handler.calls == []


async def test_edit_after_the_effect_is_a_line_and_nothing_runs_again() -> None:
    world = World(SUMMARY[1])
    created = comment("Summarize this")
    await world.run(created, ScriptedHandler())
    await world.classify(comment("Summarize that", "edited"))
    record = await world.record(created.task_id)
    assert (record.state, [f.kind for f in record.followups]) == ("SUCCEEDED", ["edited"])
    assert len(world.store.all("tasks")) == 1


async def test_edit_of_what_came_to_nothing_is_a_task_that_a_person_sees() -> None:
    world = World(says("ticket_summary", 0.5, summary="x"))
    created = comment("Summarize this")
    await world.classify(created)
    await world.decide(created.task_id, "reject")
    world.model.answers = [SUMMARY[1]]
    await world.classify(comment("Summarize that", "edited"))
    record = await another(world, created.task_id)
    assert record.state == "AWAITING_APPROVAL"
    why = f"reworded: the words of task {created.task_id}"
    assert why in record.decision.reasons
    await world.decide(record.task_id, "edit", parameters={"summary": "Two orders are late"})
    assert why in (await world.record(record.task_id)).decision.reasons


async def test_deletion_of_what_nobody_asked_makes_no_task() -> None:
    world = World(SUMMARY[1])
    late = world.store.now - timedelta(minutes=2)
    with pytest.raises(Retry):  # what it deletes may come yet
        await world.classify(comment("Summarize this", "deleted"))
    done = await world.classify(comment("Summarize this", "deleted"), published_at=late)
    assert done.code == "nothing_to_revise"
    assert world.store.documents == {}


# --- our own effects come back


def refund_event(key: str, status: str) -> AutomationTask:
    """Return what intake makes of Stripe's event about a refund of ours."""
    refund = {"id": "re_1", "object": "refund", "status": status, "metadata": {"effect_key": key}}
    taken = take("stripe", {"id": "evt_1", "type": "refund.updated", "data": {"object": refund}})
    assert isinstance(taken, AutomationTask)
    return taken


@pytest.mark.parametrize(
    ("outcome", "status", "state"),
    [
        ("done", "failed", "FAILED"),
        ("done", "succeeded", "SUCCEEDED"),
        (Ambiguous("lost"), "succeeded", "SUCCEEDED"),
        (Ambiguous("lost"), "canceled", "FAILED"),
    ],
)
async def test_event_about_our_own_effect_moves_the_task_it_belongs_to(outcome: Any, status: str, state: str) -> None:
    world = World(CHANGE_ADDRESS[1], automatic=GOODS)
    record = await world.run(CHANGE_ADDRESS[0], ScriptedHandler(starting(outcome)))
    await world.classify(refund_event(record.effect_key, status))
    after = await world.record("t1")
    assert (after.state, after.effect.possibly_applied) == (state, state == "SUCCEEDED")
    assert len(world.store.all("tasks")) == 1


def starting(outcome: Any) -> Any:
    """Return a handler's outcome that comes after its effect may have begun."""

    async def handle(params: Any, ctx: Any) -> Any:
        await ctx.http.before_write()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return handle


async def test_event_about_an_effect_that_is_not_ours_changes_nothing() -> None:
    world = World(ORDER_STATUS[1])
    await world.run(ORDER_STATUS[0], ScriptedHandler())
    before = await world.record("t1")
    for key in ("t1.order_status.2", "t9.order_status.1"):
        await world.classify(refund_event(key, "failed"))
    assert await world.record("t1") == before
