"""A message the bus gave up is parked, and its task goes on, ends by its marker, or goes to a person."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared.errors import StoreUnavailable
from shared.intent.outcomes import Ambiguous
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, SUMMARY, World, started

TASK = ORDER_STATUS[0].model_dump_json()
POINTER = json.dumps({"task_id": "t1", "generation": 1, "schema_version": 1})


class Killed(BaseException):
    """The process ends here."""


def letters(world: World) -> list[dict[str, Any]]:
    return world.store.all("dead_letters")


@pytest.mark.parametrize("source", ["tasks", "tasks-express", "events"])
async def test_task_that_was_never_classified_goes_to_a_person(source: str) -> None:
    world = World()
    outcome = await world.deadletter(TASK, source)
    record = await world.record("t1")
    assert (record.state, record.intent, world.model.calls) == ("AWAITING_APPROVAL", "unclassified", 0)
    assert (await world.approval("t1"))["reasons"] == ["dead_lettered: the model gave no usable answer"]
    assert (outcome.code, outcome.severity, outcome.status) == ("parked", "ERROR", 200)
    [letter] = letters(world)
    assert (letter["task_id"], letter["subscription"], letter["outcome"]) == ("t1", source, "awaiting_approval")
    assert base64.b64decode(letter["data"]).decode() == TASK


async def test_log_line_tells_the_state_that_the_letter_brought_its_task_into() -> None:
    world = await started(ORDER_STATUS)
    ended = await world.deadletter(POINTER, "intent-order-status")
    told = {name: ended.fields.get(name) for name in ("task_id", "intent", "state_from", "state_to")}
    assert told == {"task_id": "t1", "intent": "order_status", "state_from": "READY", "state_to": "FAILED"}
    paused = await World().deadletter(TASK, "tasks")
    assert (paused.fields["state_from"], paused.fields["state_to"]) == ("", "AWAITING_APPROVAL")


async def test_prefix_of_the_deployment_is_no_part_of_the_lane() -> None:
    world = World(topic_prefix="staging-")
    await world.deadletter(TASK, "staging-tasks")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_task_that_was_classified_after_all_is_left_alone() -> None:
    world = await started(ORDER_STATUS)
    before = await world.record("t1")
    await world.deadletter(TASK, "tasks")
    assert (await world.record("t1"), letters(world)[0]["outcome"]) == (before, "has_a_record")


async def test_same_letter_twice_is_parked_once_and_moves_once() -> None:
    world = World()
    for _ in range(2):
        await world.deadletter(TASK, "tasks", message_id="m")
    assert len(letters(world)) == 1
    assert len((await world.record("t1")).history) == 1


async def test_ready_task_whose_message_always_failed_ends_visibly() -> None:
    world = await started(SUMMARY)
    await world.deadletter(POINTER, "intent-ticket-summary")
    record = await world.record("t1")
    assert (record.state, record.error and record.error.code) == ("FAILED", "dead_lettered")
    assert (await world.execute("t1", ScriptedHandler())).code == "already_done"


@pytest.mark.parametrize(("case", "state"), [(ORDER_STATUS, "UNKNOWN"), (SUMMARY, "UNKNOWN")])
async def test_task_that_died_after_its_marker_is_unknown(case: Any, state: str) -> None:
    world = await started(case)
    with pytest.raises(Killed):
        await world.execute("t1", ScriptedHandler(Killed()))
    world.pass_time(minutes=2)
    await world.deadletter(POINTER, "intent-x")
    assert (await world.record("t1")).state == state


async def test_letter_that_comes_early_does_not_touch_a_live_lease() -> None:
    world = await started(SUMMARY)

    async def meanwhile(params: Any, ctx: Any) -> str:
        await world.deadletter(POINTER, "intent-ticket-summary")
        return "done"

    assert (await world.execute("t1", ScriptedHandler(meanwhile))).code == "succeeded"
    assert letters(world)[0]["outcome"] == "lease_held"


@pytest.mark.parametrize("end", ["done", Ambiguous()])
async def test_letter_that_comes_late_changes_nothing(end: Any) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(end))
    before = await world.record("t1")
    await world.deadletter(POINTER, "intent-ticket-summary")
    assert (await world.record("t1"), letters(world)[0]["outcome"]) == (before, "already_done")


async def test_letter_of_an_older_generation_changes_nothing() -> None:
    world = await started(SUMMARY)
    before = await world.record("t1")
    stale = json.dumps({"task_id": "t1", "generation": 2, "schema_version": 1})
    await world.deadletter(stale, "intent-ticket-summary")
    assert (await world.record("t1"), letters(world)[0]["outcome"]) == (before, "stale")


async def test_letter_about_a_task_that_is_not_there_is_parked() -> None:
    world = World()
    await world.deadletter(POINTER, "intent-ticket-summary")
    assert letters(world)[0]["outcome"] == "no_task"


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (b"\xff\x00", "tasks"),
        (b"", "intent-order-status"),
        (b"{}", "tasks"),
        (TASK, "somewhere"),
        (POINTER, ""),
        (TASK, "intent-order-status"),
        (POINTER, "tasks"),
    ],
)
async def test_letter_nobody_can_read_is_parked_as_it_is(data: bytes | str, source: str) -> None:
    world = World()
    assert (await world.deadletter(data, source)).status == 200
    [letter] = letters(world)
    raw = data if isinstance(data, bytes) else data.encode()
    assert (letter["outcome"], letter["task_id"], base64.b64decode(letter["data"])) == ("undecodable", None, raw)
    assert not world.store.all("tasks")


@pytest.mark.parametrize("source", ["events", "tasks", "intent-order-status", "somewhere"])
async def test_huge_letter_is_cut_and_not_parsed(source: str) -> None:
    world = World()
    huge = TASK + " " * 1_000_000  # readable, if anybody read it
    ended = await world.deadletter(huge, source)
    [letter] = letters(world)
    assert (letter["truncated"], base64.b64decode(letter["data"]).decode()) == (True, huge[: 720 * 1024])
    assert (letter["outcome"], ended.severity) == ("too_large" if source != "somewhere" else "undecodable", "ERROR")
    assert not world.store.all("tasks")


async def test_letter_is_not_acknowledged_before_it_is_kept() -> None:
    world = World()
    world.network.fail_next = [None, StoreUnavailable("down")]
    with pytest.raises(StoreUnavailable):
        await world.deadletter(TASK, "tasks", message_id="m")
    await world.deadletter(TASK, "tasks", message_id="m")
    assert len(letters(world)) == 1
