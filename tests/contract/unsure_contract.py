"""What stores and publishers promise when an answer gets lost: they say so, and looking tells what has happened.

A subclass named `Test...` supplies `store`, or `open_bus` of the publisher's contract, and the fixture `lose_answer`:
it makes the next call of the store (or publish) fail, `kept` after it was served, `lost` before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Literal, TypeVar

import pytest

from shared.errors import CommitUnknown, PublishFailed, Retry
from shared.records.documents import change, task_path, to_document, transact
from shared.task.schemas import TaskRecord
from shared.task.upkeep import delivered
from shared.wiring.ports import ABSENT, Document, Publisher, Snapshot, Store, Write
from tests.contract.publisher_contract import OpenBus, subscribe, take, unique, wiring
from tests.world import ORDER_STATUS, started

T = TypeVar("T")
Fate = Literal["kept", "lost"]
LoseAnswer = Callable[[Fate], None]
FATES: tuple[Fate, ...] = ("kept", "lost")
each_fate = pytest.mark.parametrize("fate", FATES)


class Adding:
    """The body of a change: one more than there was. The answer to its first commit gets lost."""

    def __init__(self, path: str, lose_answer: LoseAnswer, fate: Fate) -> None:
        self.path, self._lose_answer, self._fate = path, lose_answer, fate
        self.calls = 0

    def __call__(self, snapshots: Mapping[str, Snapshot]) -> dict[str, Document]:
        self.calls += 1
        if self.calls == 1:
            self._lose_answer(self._fate)
        return {self.path: {"n": (snapshots[self.path].data or {"n": 0})["n"] + 1}}


def arrow(lose_answer: LoseAnswer, fate: Fate) -> Callable[[TaskRecord, datetime], TaskRecord]:
    """Return an arrow of the lifecycle; the answer to its commit gets lost."""

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        lose_answer(fate)
        return delivered(record)

    return arrow


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call until it succeeds: the first ones may still meet the connection that broke."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await call()
            except Retry:
                await asyncio.sleep(0.01)


async def look(store: Store, path: str) -> Snapshot:
    """Return the document at `path`."""
    return (await again(lambda: store.read(path)))[0]


async def publish(publisher: Publisher, topic: str) -> str:
    """Publish another message and return its id."""
    return await again(lambda: publisher.publish(topic, b"x", {}))


async def owing(store: Store) -> TaskRecord:
    """Return a task, kept in the store, whose outbox holds a message."""
    world = await started(ORDER_STATUS)
    record = (await world.record("t1")).model_copy(update={"task_id": unique("t")})
    assert record.outbox is not None
    await store.commit(Write(task_path(record.task_id), to_document(record), ABSENT))
    return record


class UnsureStoreContract:
    """CommitUnknown, once; reading tells which it was; what is built on it never does anything twice."""

    @pytest.fixture
    def path(self) -> str:
        """A document of this test's own."""
        return f"{unique('unsure')}/a"

    @each_fate
    async def test_lost_answer_is_unknown_and_reading_tells(
        self, store: Store, lose_answer: LoseAnswer, path: str, fate: Fate
    ) -> None:
        [version] = await store.commit(Write(path, {"n": 1}, ABSENT))
        lose_answer(fate)
        with pytest.raises(CommitUnknown):
            await store.commit(Write(path, {"n": 2}, version))
        found = await look(store, path)
        assert found.data == {"n": 2 if fate == "kept" else 1}
        assert (found.version == version) == (fate == "lost")
        await store.commit(Write(path, {"n": 3}, found.version))

    @each_fate
    async def test_documents_of_an_unknown_commit_are_all_there_or_none(
        self, store: Store, lose_answer: LoseAnswer, path: str, fate: Fate
    ) -> None:
        paths = [f"{path}{n}" for n in range(3)]
        await store.read(*paths)
        lose_answer(fate)
        with pytest.raises(CommitUnknown):
            await store.commit(*(Write(p, {"at": p}, ABSENT) for p in paths))
        found = [(await look(store, p)).data for p in paths]
        assert found == [{"at": p} if fate == "kept" else None for p in paths]

    async def test_change_that_was_applied_is_found_and_not_repeated(
        self, store: Store, lose_answer: LoseAnswer, path: str
    ) -> None:
        await store.commit(Write(path, {"n": 1}, ABSENT))
        body = Adding(path, lose_answer, "kept")
        after = (await transact(store, (path,), body))[path]
        found = await look(store, path)
        assert (after.data, after.version) == (found.data, found.version) == ({"n": 2}, found.version)
        assert body.calls == 1

    async def test_change_that_was_not_applied_is_reported_and_not_repeated(
        self, store: Store, lose_answer: LoseAnswer, path: str
    ) -> None:
        await store.commit(Write(path, {"n": 1}, ABSENT))
        body = Adding(path, lose_answer, "lost")
        with pytest.raises(CommitUnknown):
            await transact(store, (path,), body)
        assert (body.calls, (await look(store, path)).data) == (1, {"n": 1})
        assert (await transact(store, (path,), body))[path].data == {"n": 2}

    async def test_arrow_that_was_applied_is_found(self, store: Store, lose_answer: LoseAnswer) -> None:
        record = await owing(store)
        changed = await change(store, record.task_id, arrow(lose_answer, "kept"))
        found = await look(store, task_path(record.task_id))
        assert (changed.before, changed.after) == (record, delivered(record))
        assert (changed.version, to_document(changed.after)) == (found.version, found.data)

    async def test_arrow_that_was_not_applied_is_reported(self, store: Store, lose_answer: LoseAnswer) -> None:
        record = await owing(store)
        with pytest.raises(CommitUnknown):
            await change(store, record.task_id, arrow(lose_answer, "lost"))
        assert (await look(store, task_path(record.task_id))).data == to_document(record)


class UnsureRaceContract:
    """Nobody learns of a race whose answer got lost that it was lost."""

    async def test_lost_answer_to_a_commit_that_came_too_late_is_unknown_and_nothing_is_written(
        self, store: Store, lose_answer: LoseAnswer
    ) -> None:
        path = f"{unique('unsure')}/a"
        await store.commit(Write(path, {"n": 1}, ABSENT))
        lose_answer("kept")
        with pytest.raises(CommitUnknown):
            await store.commit(Write(path, {"n": 2}, ABSENT), Write(f"{path}2", {}, ABSENT))
        assert [(await look(store, p)).data for p in (path, f"{path}2")] == [{"n": 1}, None]


class UnsurePublisherContract:
    """PublishFailed, once, and the publisher never sends a message again by itself."""

    async def test_message_whose_acknowledgement_got_lost_is_there_and_another_try_is_another_message(
        self, open_bus: OpenBus, lose_answer: LoseAnswer
    ) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        await publisher.publish(topic, b"before", {})
        await queue.ack((await take(queue, topic))[0])
        lose_answer("kept")
        with pytest.raises(PublishFailed):
            await publisher.publish(topic, b"x", {"trace_id": "abc"})
        [first] = await take(queue, topic)
        await queue.ack(first)
        message_id = await publish(publisher, topic)
        [second] = await take(queue, topic)
        await queue.ack(second)
        assert (first.data, dict(first.attributes)) == (b"x", {"trace_id": "abc"})
        assert first.message_id != second.message_id == message_id
        assert await queue.pull(topic, 1, 0.5) == []

    async def test_message_that_never_arrived_is_there_once_after_another_try(
        self, open_bus: OpenBus, lose_answer: LoseAnswer
    ) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        await publisher.publish(topic, b"before", {})
        await queue.ack((await take(queue, topic))[0])
        lose_answer("lost")
        with pytest.raises(PublishFailed):
            await publisher.publish(topic, b"x", {})
        message_id = await publish(publisher, topic)
        [found] = await take(queue, topic)
        await queue.ack(found)
        assert found.message_id == message_id
        assert await queue.pull(topic, 1, 0.5) == []
