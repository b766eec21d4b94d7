"""The guarantee: what crashes, lost messages and silence leave behind is found, and found once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import StoreUnavailable
from shared.intent.registry import Registry
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, REGISTRY, SUMMARY, World, paused, says, started, ticket


async def test_nothing_due_is_nothing_done() -> None:
    world = await started(ORDER_STATUS)
    commits = world.store.commits
    assert await world.sweep() == {}
    assert world.store.commits == commits


async def test_owed_messages_are_published_ever_more_rarely() -> None:
    world = await started(ORDER_STATUS)
    world.publisher.messages.clear()
    published = []
    for _ in range(10):
        world.pass_time(seconds=60)
        published.append((await world.sweep()).get("published", 0))
    assert published == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0]


async def test_two_sweeps_at_once_publish_once() -> None:
    world = await started(ORDER_STATUS)
    world.publisher.messages.clear()
    world.pass_time(seconds=31)
    counts = await asyncio.gather(world.sweep(), world.sweep())
    assert len(world.publisher.messages) == 1
    assert sorted(c.get("published", 0) for c in counts) == [0, 1]


async def test_two_sweeps_at_once_expire_once() -> None:
    world = await paused(approval_ttl_s=60)
    world.pass_time(seconds=61)
    await asyncio.gather(world.sweep(), world.sweep())
    record = await world.record("t1")
    assert [t.to for t in record.history] == ["AWAITING_APPROVAL", "EXPIRED"]
    assert len(world.publisher.on("results")) == 1


async def test_dead_lease_is_found_and_its_message_sent_again() -> None:
    class Killed(BaseException):
        pass

    world = await started(ORDER_STATUS)
    with pytest.raises(Killed):
        await world.execute("t1", ScriptedHandler(Killed()))
    world.publisher.messages.clear()
    world.pass_time(seconds=49)
    assert await world.sweep() == {}
    world.pass_time(seconds=1)
    assert await world.sweep() == {"published": 1}
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


async def test_approval_nobody_gave_ends_as_expired_in_both_documents() -> None:
    world = await paused()
    world.pass_time(hours=72)
    assert await world.sweep() == {"expired": 1}
    record, approval = await world.record("t1"), await world.approval("t1")
    assert (record.state, approval["status"], approval["decided_by"]) == ("EXPIRED", "expired", "system:expiry")


async def test_reminder_comes_once_before_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    world.pass_time(hours=68)
    assert await world.sweep() == {"reminded": 1}
    assert "approval_expiring" in capsys.readouterr().out
    world.pass_time(hours=1)
    assert await world.sweep() == {}


async def test_decision_whose_event_was_lost_is_asked_for_again_after_a_grace() -> None:
    world = await paused()
    await world.edit("t1", status="approved")
    world.pass_time(seconds=119)
    assert await world.sweep() == {}
    world.pass_time(seconds=2)
    assert await world.sweep() == {"asked_again": 1}
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    approval = await world.approval("t1")
    assert (approval["status"], approval["error"].partition(":")[0]) == ("pending", "unattributed")


@pytest.mark.parametrize("broken", [{"schema_version": 2}, {"state": "SLEEPING"}, {"generation": "one"}])
async def test_document_that_cannot_be_read_does_not_stop_the_sweep_of_the_others(
    broken: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(ORDER_STATUS[1])
    for task_id in ("a1", "b2", "c3"):
        await world.classify(ticket("Where is my order #47384?", task_id=task_id))
    world.store.put("tasks/b2", **broken)
    world.pass_time(minutes=1)
    assert await world.sweep() == {"published": 2, "unreadable": 1}
    assert '"task_id":"b2"' in capsys.readouterr().out


async def test_lost_decision_that_cannot_be_read_does_not_stop_the_others() -> None:
    world = World(REFUND[1])
    for task_id, order in (("a1", "10021"), ("b2", "10022")):
        world.model.answers = [says("refund_request", order_id=order, amount_minor=2500, currency="USD")]
        await world.classify(ticket(f"Please refund $25.00 for order #{order}", task_id=task_id))
        await world.edit(task_id, status="rejected")
    world.store.put("tasks/a1", schema_version=2)
    world.pass_time(minutes=3)
    assert await world.sweep() == {"unreadable": 1, "asked_again": 1}
    assert (await world.approval("b2"))["status"] == "pending"


async def test_sweep_that_dies_midway_is_finished_by_the_next() -> None:
    world = World(ORDER_STATUS[1])
    for n in range(5):
        await world.classify(ticket("Where is my order #47384?", task_id=f"t{n}"))
    world.publisher.messages.clear()
    world.pass_time(minutes=1)
    world.network.fail_next = [None, None, StoreUnavailable("down"), StoreUnavailable("down")]
    first = await world.sweep()
    second = await world.sweep()
    assert (first, second) == ({"published": 3, "failed": 2}, {"published": 2})
    assert len(world.publisher.messages) == 5


async def test_more_tasks_than_a_page_are_all_found() -> None:
    world = World(ORDER_STATUS[1])
    world.publisher.broken = True
    for n in range(450):
        await world.classify(ticket("Where is my order #47384?", task_id=f"t{n}"))
        if n % 3 == 0:
            world.pass_time(milliseconds=1)
    world.publisher.broken = False
    world.pass_time(minutes=1)
    assert await world.sweep() == {"published": 450}


async def test_publish_that_fails_stays_due() -> None:
    world = await started(ORDER_STATUS)
    world.publisher.messages.clear()
    world.publisher.broken = True
    world.pass_time(minutes=1)
    await world.sweep()
    world.publisher.broken = False
    world.pass_time(minutes=1)
    await world.sweep()
    assert len(world.publisher.messages) == 1


async def test_result_is_published_once_and_its_document_rests() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler())
    world.pass_time(days=1)
    assert await world.sweep() == {}
    assert len(world.publisher.on("results")) == 1


@pytest.mark.parametrize("seconds", [0, 45, 3600])
async def test_after_two_sweeps_nothing_is_left_ready_or_executing(seconds: int) -> None:
    """I8, for messages lost at every hop."""
    world = await started(SUMMARY)
    world.publisher.messages.clear()
    world.pass_time(seconds=30 + seconds)
    for _ in range(2):
        await world.sweep()
        for topic, _, _ in list(world.publisher.messages):
            if topic.startswith("intent-"):
                await world.execute("t1", ScriptedHandler())
        world.pass_time(minutes=2)
    assert (await world.record("t1")).state == "SUCCEEDED"
    assert (await world.record("t1")).updated_at < world.store.now - timedelta(minutes=1)


async def test_task_of_a_removed_intent_ends_where_people_see_it() -> None:
    world = await started(ORDER_STATUS)
    world.ports.__dict__["registry"] = Registry({k: v for k, v in REGISTRY.items() if k != "order_status"})
    world.pass_time(seconds=31)
    await world.sweep()
    record = await world.record("t1")
    assert record.state == "FAILED"
    assert record.error is not None
    assert record.error.code == "intent_removed"
    assert [m["state"] for m in world.publisher.on("results")] == ["FAILED"]
