"""Work beside a decision: who is on a task, who has it open, what they wrote; none of it moves the task."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Forbidden, Refused, Unprocessable
from shared.intent.outcomes import Permanent
from shared.records import decisions, repairs, working
from shared.records.tombstones import entomb
from shared.task.moves import Person
from shared.task.schemas import MAX_NOTE_CHARS, MAX_NOTES, TaskRecord
from shared.task.working import looks
from tests.scripted import ScriptedHandler
from tests.world import REFUND, SUMMARY, paused, started

JO, KAY = Person("jo@example.com", "console"), Person("kay@example.com", "console")
BESIDE = {"assignee", "notes", "looking"}


async def test_nothing_of_it_moves_the_task_or_shuts_a_decision() -> None:
    world = await paused()
    before, messages = await world.record("t1"), len(world.publisher.messages)
    shown = await world.look("t1")
    world.pass_time(minutes=1)
    await working.assign(world.ports, "t1", JO, take=True)
    await working.note(world.ports, "t1", JO, "asked the shop")
    after = await working.look(world.ports, "t1", JO)
    assert (after.assignee, [n.text for n in after.notes], looks(after, world.now)) == (
        JO.name,
        ["asked the shop"],
        JO.name,
    )
    assert after.model_dump(exclude=BESIDE) == before.model_dump(exclude=BESIDE)
    assert len(world.publisher.messages) == messages
    done = await decisions.decide(world.ports, "t1", KAY, "approve", shown)
    assert (done.state, done.assignee, len(done.notes)) == ("READY", JO.name, 1)


async def test_task_of_somebody_else_is_taken_only_from_whom_one_saw_on_it() -> None:
    world = await paused()
    await working.assign(world.ports, "t1", JO, take=True)
    for take in (True, False):
        with pytest.raises(Refused, match="has taken it") as refused:
            await working.assign(world.ports, "t1", KAY, take=take)
        assert refused.value.code == "taken"
    assert (await working.assign(world.ports, "t1", KAY, take=True, over=JO.name)).assignee == KAY.name
    with pytest.raises(Refused):  # as two who press the button at once
        await working.assign(world.ports, "t1", Person("li@example.com", "console"), take=True, over=JO.name)
    assert (await working.assign(world.ports, "t1", KAY, take=False)).assignee == ""


async def test_look_lapses_by_itself_and_who_came_first_is_told_of() -> None:
    world = await paused()
    await working.look(world.ports, "t1", JO)
    world.pass_time(seconds=10)
    version = (await world.store.read("tasks/t1"))[0].version
    for person in (JO, KAY):  # said too soon again, and by somebody else: no write
        assert looks(await working.look(world.ports, "t1", person), world.now) == JO.name
    assert (await world.store.read("tasks/t1"))[0].version == version
    world.pass_time(seconds=30)
    await working.look(world.ports, "t1", JO)
    world.pass_time(seconds=89)
    assert looks(await world.record("t1"), world.now) == JO.name
    world.pass_time(seconds=1)
    assert looks(await world.record("t1"), world.now) == ""
    assert looks(await working.look(world.ports, "t1", KAY), world.now) == KAY.name


async def test_what_runs_by_itself_is_not_written_to_for_being_looked_at() -> None:
    world = await started(SUMMARY)
    assert (await working.look(world.ports, "t1", JO)).looking is None
    await world.execute("t1", ScriptedHandler(Permanent("no", code="no")))
    assert looks(await working.look(world.ports, "t1", JO), world.now) == JO.name
    closed = await repairs.close(world.ports, "t1", JO, await world.look("t1"), reason="done by hand")
    assert looks(closed, world.now) == ""


async def test_notes_are_bounded_and_none_is_lost_or_written_twice() -> None:
    world = await paused()
    for text in ("", " \n ", "x" * (MAX_NOTE_CHARS + 1)):
        with pytest.raises(Unprocessable, match="a note has 1 to 1,000 characters"):
            await working.note(world.ports, "t1", JO, text)
    for n in range(MAX_NOTES):
        for _ in range(2):  # a button pressed twice
            record = await working.note(world.ports, "t1", JO, f"note {n}\r\nof 20")
    assert [n.text for n in record.notes] == [f"note {n}\nof 20" for n in range(MAX_NOTES)]
    with pytest.raises(Refused) as refused:
        await working.note(world.ports, "t1", JO, "one more")
    assert (refused.value.code, len((await world.record("t1")).notes)) == ("too_many_notes", MAX_NOTES)


async def test_only_approvers_work_beside_a_task_also_on_their_own_request() -> None:
    world = await paused(REFUND, approvers={"*": frozenset({"kim@example.com"})})
    for door in (_take, _note, working.look):
        with pytest.raises(Forbidden) as refused:
            await door(world.ports, "t1", JO)
        assert refused.value.code == "not_an_approver"
    kim = Person("kim@example.com", "console")  # who may write, and may not decide
    assert (await working.note(world.ports, "t1", kim, "it was for two bags")).notes[0].by == kim.name


async def test_removed_task_leaves_no_note() -> None:
    world = await paused()
    await working.note(world.ports, "t1", JO, "kim called from 555 0100")
    await repairs.cancel(world.ports, "t1", JO, await world.look("t1"), reason="no")
    await entomb(world.ports, "t1")
    assert "kim called" not in str((await world.store.read("tasks/t1"))[0].data)


async def test_record_of_before_reads_as_nobodys() -> None:
    world = await paused()
    old = (await world.record("t1")).model_dump(exclude=BESIDE)
    record = TaskRecord.model_validate(old)
    assert (record.assignee, record.notes, looks(record, world.now)) == ("", [], "")


async def _take(ports: Any, task_id: str, person: Person) -> TaskRecord:
    return await working.assign(ports, task_id, person, take=True)


async def _note(ports: Any, task_id: str, person: Person) -> TaskRecord:
    return await working.note(ports, task_id, person, "x")
