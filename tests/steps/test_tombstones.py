"""A task that ended and was removed: its tombstone answers whatever still comes about it, and nothing happens twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.intake.taking import take
from shared.canonical import sha256_hex
from shared.errors import Gone, NotFound, Refused
from shared.gate.doors import Look
from shared.intent.outcomes import Ambiguous
from shared.records import decisions, repairs
from shared.records.letters import close_letter, redrive_letter
from shared.records.tombstones import entomb
from shared.task import execution
from shared.task.moves import Person
from shared.task.schemas import AutomationTask
from shared.wiring.ports import Document, Filter
from tests.scripted import ScriptedHandler
from tests.world import REFUND, SUMMARY, World, paused, started, ticket

PERSON = Person("ops@example.com", "console")
JIRA = {
    "timestamp": 1767603600000,
    "webhookEvent": "comment_created",
    "issue": {"id": "10", "key": "HELP-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10"},
    "comment": {
        "id": "77",
        "self": "https://acme.atlassian.net/rest/api/2/issue/10/comment/77",
        "author": {"accountId": "a1", "accountType": "atlassian", "emailAddress": "kim@example.com"},
        "body": "Please refund $25.00 for order #10021, it arrived broken",
    },
}


async def removed(state: str = "SUCCEEDED", case: Any = REFUND) -> tuple[World, ScriptedHandler]:
    """Return a world whose one task ended so and was removed."""
    handler = ScriptedHandler("done")
    if state == "REJECTED":
        world = await paused(case)
        await world.decide("t1", "reject")
    else:
        world = await started(case)
        await world.execute("t1", handler)
    await entomb(world.ports, "t1")
    return world, handler


def document(world: World, path: str = "tasks/t1") -> Document:
    data = world.store.look(path).data
    assert data is not None
    return data


async def test_tombstone_holds_nothing_of_what_somebody_wrote() -> None:
    world = await paused()
    await world.decide("t1", "reject", comment="not for kim@example.com")
    before = await world.record("t1")
    await entomb(world.ports, "t1")
    assert document(world) == {
        "schema_version": 1,
        "tombstone": {
            "task_id": "t1",
            "source": "helpdesk",
            "payload_sha256": sha256_hex(before.payload.encode()),
            "content_sha256": document(world)["tombstone"]["content_sha256"],
            "intent": "refund_request",
            "state": "REJECTED",
            "ended_at": before.updated_at,
            "effect_key": "t1.refund_request.1",
        },
    }
    left = repr(world.store.documents)
    assert "kim@example.com" not in left.replace(repr(document(world, "effects/" + _subject(world))), "")
    assert "10021" not in repr(document(world, "approvals/t1"))


def _subject(world: World) -> str:
    return next(path.partition("/")[2] for path in world.store.documents if path.startswith("effects/"))


async def test_emptied_approval_is_decided_and_its_time_is_over() -> None:
    world = await paused()
    await world.decide("t1", "reject")
    await entomb(world.ports, "t1")
    approval = document(world, "approvals/t1")
    assert approval["expire_at"] < world.now
    assert (approval["status"], approval["outcome"]) == ("removed", "REJECTED")
    assert (await world.resume("t1")).code == "task_removed"
    await world.edit("t1", status="approved", outcome=None)
    assert (await world.resume("t1")).code == "task_removed"
    assert await world.sweep() == {}
    world.pass_time(minutes=3)
    assert await world.sweep() == {"stray": 1}
    assert document(world, "approvals/t1")["outcome"] == "task_removed"
    assert await world.sweep() == {}


async def test_no_list_no_count_and_no_sweep_sees_a_tombstone() -> None:
    world, _ = await removed()
    for order in ("created_at", "updated_at", "next_check_at", "expire_at"):
        assert await world.store.query("tasks", order_by=order) == []
    for name, value in (("state", "SUCCEEDED"), ("intent", "refund_request"), ("source", "helpdesk")):
        assert await world.store.count("tasks", where=[Filter(name, "==", value)], up_to=9) == 0
    world.pass_time(days=4000)
    assert await world.sweep() == {}
    assert "tombstone" in document(world)


async def test_event_that_comes_again_has_no_second_effect() -> None:
    world, handler = await removed()
    for more in ({}, {"sent_at": 7}):  # the same words, whatever else the delivery carries
        again = REFUND[0].model_copy(update={"raw_payload": REFUND[0].raw_payload | more})
        outcome = await world.classify(again)
        assert (outcome.code, outcome.status) == ("already_done", 200)
        assert outcome.fields["error_code"] == "task_removed"
    assert (world.model.calls, len(handler.calls), len(world.store.items("tasks"))) == (1, 1, 1)


async def test_jira_request_replayed_after_retention_has_no_second_effect() -> None:
    """Jira signs no time, so the same bytes verify for ever."""
    world = World(REFUND[1], automatic={"refund_request": 5000})
    task = take("jira", JIRA)
    assert isinstance(task, AutomationTask)
    handler = ScriptedHandler("done")
    assert (await world.run(task, handler)).state == "SUCCEEDED"
    world.pass_time(days=91)
    assert (await world.sweep())["entombed"] == 1
    outcome = await world.classify(task)
    assert (outcome.code, len(handler.calls), len(world.store.items("tasks"))) == ("already_done", 1, 1)


async def test_pointer_that_comes_again_runs_nothing() -> None:
    world = await started(REFUND)
    handler = ScriptedHandler("done")
    await world.execute("t1", handler)
    await entomb(world.ports, "t1")
    from functions.execute.step import execute

    pointer = world.delivery('{"task_id": "t1", "generation": 1, "schema_version": 1}')
    outcome = await execute(pointer, world.ports, world.ports.registry["refund_request"], handler)
    assert (outcome.code, outcome.status, len(handler.calls)) == ("task_removed", 200, 1)
    assert not world.store.items("dead_letters")


async def test_other_words_under_the_id_are_a_task_of_their_own() -> None:
    world, _ = await removed()
    for _ in range(2):  # its own redelivery is the same task
        await world.classify(ticket("Where is my order #47385?"))
    assert len(world.store.items("tasks")) == 2
    [other] = await world.store.query("tasks", order_by="created_at")
    record = await world.record(other.id)
    assert record.state == "AWAITING_APPROVAL"
    assert "id_reused: the id is known from task t1" in record.decision.reasons


async def test_other_words_that_were_removed_too_are_known_by_their_own_tombstone() -> None:
    world, _ = await removed()
    await world.classify(ticket("Where is my order #47385?"))
    [other] = await world.store.query("tasks", order_by="created_at")
    await world.decide(other.id, "reject")
    await entomb(world.ports, other.id)
    assert (await world.classify(ticket("Where is my order #47385?"))).code == "already_done"
    assert len(world.store.items("tasks")) == 2


@pytest.mark.parametrize("lane", ["tasks", "intent-refund-request"])
async def test_dead_letter_of_a_removed_task_is_kept_and_moves_nothing(lane: str) -> None:
    world, _ = await removed()
    data = REFUND[0].model_dump_json() if lane == "tasks" else '{"task_id": "t1", "generation": 1, "schema_version": 1}'
    outcome = await world.deadletter(data, lane)
    assert outcome.fields["error_code"] == ("has_a_record" if lane == "tasks" else "task_removed")
    letter_id = world.store.items("dead_letters")[0][0].partition("/")[2]
    with pytest.raises(Gone):
        await redrive_letter(world.ports, letter_id, PERSON, reason="again")
    assert (await close_letter(world.ports, letter_id, PERSON, reason="seen")).state == "closed"


async def test_people_are_told_that_it_is_gone() -> None:
    world, _ = await removed()
    look = Look(1, "")
    for work in (
        repairs.redrive(world.ports, "t1", PERSON, look, reason="again"),
        repairs.cancel(world.ports, "t1", PERSON, look, reason="again"),
        repairs.settle(world.ports, "t1", PERSON, look, verdict="applied", reason="seen"),
        decisions.decide(world.ports, "t1", PERSON, "approve", look),
    ):
        with pytest.raises(Gone, match="ended SUCCEEDED on 2026-01-05"):
            await work


async def test_only_ended_tasks_that_owe_nothing_are_removed() -> None:
    world = await started(SUMMARY)
    with pytest.raises(Refused) as refused:
        await entomb(world.ports, "t1")
    assert refused.value.code == "not_ended"
    await world.execute("t1", ScriptedHandler(Ambiguous(code="timeout")))
    assert (await world.record("t1")).state == "UNKNOWN"
    with pytest.raises(Refused):
        await entomb(world.ports, "t1")
    await repairs.settle(world.ports, "t1", PERSON, await world.look("t1"), verdict="applied", reason="seen")
    owed = (await world.record("t1")).model_dump() | {
        "outbox": {"topic": "results", "generation": 1, "due_at": world.now, "tries": 0}
    }
    world.store.put("tasks/t1", **owed)
    with pytest.raises(Refused) as refused:
        await entomb(world.ports, "t1")
    assert refused.value.code == "result_owed"
    with pytest.raises(NotFound):
        await entomb(world.ports, "t2")


async def test_removing_twice_is_removing_once() -> None:
    world, _ = await removed()
    before = document(world)
    assert (await entomb(world.ports, "t1")).state == "SUCCEEDED"
    assert document(world) == before


async def test_open_task_has_no_expiry_and_an_ended_one_has() -> None:
    world = await started(REFUND)
    assert (await world.record("t1")).expire_at is None
    await world.execute("t1", ScriptedHandler("done"))
    record = await world.record("t1")
    assert record.expire_at == record.updated_at + timedelta(days=90)


async def test_sweep_removes_what_is_past_its_retention_and_nothing_else() -> None:
    world = await started(REFUND)
    await world.execute("t1", ScriptedHandler("done"))
    world.pass_time(days=89)
    assert "entombed" not in await world.sweep()
    world.pass_time(days=1)
    assert (await world.sweep())["entombed"] == 1
    assert "tombstone" in document(world)


@pytest.mark.parametrize("days", [91, 4000])
async def test_unknown_task_is_never_removed(days: int) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous(code="timeout")))
    world.pass_time(days=days)
    await world.sweep()
    assert (await world.record("t1")).state == "UNKNOWN"


async def test_redriven_task_does_not_expire_by_its_first_end() -> None:
    world = await paused()
    await world.decide("t1", "reject")
    world.pass_time(days=89)
    await repairs.redrive(world.ports, "t1", PERSON, await world.look("t1"), reason="after all")
    assert (await world.record("t1")).expire_at is None
    world.pass_time(days=2)
    assert "entombed" not in await world.sweep()


async def test_open_task_of_an_earlier_version_loses_its_expiry_and_keeps_its_retention() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous(code="timeout")))
    old = (await world.record("t1")).model_dump()
    del old["kept_for_s"]
    world.store.write("tasks/t1", old | {"expire_at": old["updated_at"] + timedelta(days=30)})
    world.pass_time(days=31)
    assert (await world.sweep())["kept_open"] == 1
    record = await world.record("t1")
    assert (record.state, record.expire_at, record.kept_for_s) == ("UNKNOWN", None, 30 * 86_400)
    assert "kept_open" not in await world.sweep()


async def test_ended_task_of_an_earlier_version_is_removed_when_its_time_comes() -> None:
    world = await paused()
    await world.decide("t1", "reject")
    old = (await world.record("t1")).model_dump()
    del old["kept_for_s"]
    world.store.write("tasks/t1", old)
    world.pass_time(days=91)
    assert (await world.sweep())["entombed"] == 1


async def test_letter_expires_only_once_somebody_has_seen_to_it() -> None:
    world = World()
    await world.deadletter(b"junk", "tasks")
    [(path, letter)] = world.store.items("dead_letters")
    assert letter["expire_at"] is None
    world.pass_time(days=10)
    await close_letter(world.ports, path.partition("/")[2], PERSON, reason="seen")
    letter = document(world, path)
    assert letter["expire_at"] == letter["redriven_at"] + timedelta(days=90)


async def test_approval_expires_only_once_it_is_decided() -> None:
    world = await paused()
    assert (await world.approval("t1"))["expire_at"] is None
    await world.decide("t1", "approve")
    approval = await world.approval("t1")
    assert approval["expire_at"] == approval["decided_at"] + timedelta(days=90)


# --- while the store's clock cannot be trusted


async def test_nothing_is_removed_and_nothing_expires_while_the_clock_is_in_doubt() -> None:
    world = await paused()
    await world.classify(ticket("Where is my order #47385?", task_id="t2"))
    await world.decide("t2", "reject")
    world.ports.clock_trouble = lambda: "it stepped"
    world.pass_time(days=200)
    for _ in range(2):
        await world.sweep()
        assert [(await world.record(t)).state for t in ("t1", "t2")] == ["AWAITING_APPROVAL", "REJECTED"]
    assert await world.sweep() == {"skipped": 1}  # nobody is reminded again and again
    world.ports.clock_trouble = lambda: ""
    assert await world.sweep() == {"expired": 1, "entombed": 1}


async def test_task_that_waits_for_a_time_of_a_wrong_clock_goes_on_once_the_clock_is_right() -> None:
    """A message was lost, a worker died, and both were written a year ahead."""
    world = World(REFUND[1], automatic={"refund_request": 5000})
    world.now += timedelta(days=365)
    await world.classify(REFUND[0])
    world.now -= timedelta(days=365)
    world.publisher.messages.clear()
    assert "published" not in await world.sweep()
    world.ports.clock_trouble = lambda: "it stepped"
    assert (await world.sweep())["published"] == 1
    assert [topic for topic, _, _ in world.publisher.messages] == ["intent-refund-request"]
    handler = ScriptedHandler("done")
    await world.execute("t1", handler)
    assert (await world.record("t1")).state == "SUCCEEDED"


async def test_lease_of_a_wrong_clock_ends_when_the_clock_is_right() -> None:
    world = await started(REFUND)
    record = await world.record("t1")
    claimed = execution.claim(
        record, 1, world.ports.registry["refund_request"], world.now + timedelta(days=9), nonce="n", message_id="m"
    )
    world.store.write("tasks/t1", claimed.model_dump())
    handler = ScriptedHandler("done")
    await world.execute("t1", handler)
    assert (await world.record("t1")).state == "SUCCEEDED"


async def test_verdict_on_a_task_of_a_wrong_clock_need_not_wait_for_that_time() -> None:
    world = await started(SUMMARY)
    world.now += timedelta(days=9)
    await world.execute("t1", ScriptedHandler(Ambiguous(code="timeout")))
    world.now -= timedelta(days=9)
    record = await repairs.settle(
        world.ports, "t1", PERSON, await world.look("t1"), verdict="not_applied", reason="seen"
    )
    assert record.state == "FAILED"


async def test_decision_whose_event_was_lost_is_asked_for_again_although_versions_are_ahead() -> None:
    world = await paused()
    world.now += timedelta(days=9)
    await world.edit("t1", status="rejected")
    world.now -= timedelta(days=9)
    assert (await world.sweep())["asked_again"] == 1


async def test_second_wish_is_never_automatic_because_a_clock_in_doubt_says_that_the_first_is_long_ago() -> None:
    world = World(REFUND[1], automatic={"refund_request": 50_000})
    await world.classify(REFUND[0])
    world.pass_time(days=100)
    world.ports.clock_trouble = lambda: "it stepped"
    await world.classify(REFUND[0].model_copy(update={"task_id": "t2"}))
    assert (await world.record("t2")).state == "AWAITING_APPROVAL"
