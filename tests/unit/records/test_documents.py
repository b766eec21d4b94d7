"""Changing documents: compare-and-set, again after a collision, and a second look after a commit of unknown outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.errors import CommitUnknown, Conflict, NotFound, StoreUnavailable
from shared.records.documents import change, to_document, to_record, transact
from shared.task.schemas import TaskRecord
from shared.wiring.ports import Document, Snapshot
from tests.scripted import ScriptedNetwork
from tests.store import MemoryStore, Unapplied
from tests.world import ORDER_STATUS, started


class Reads:
    """A store that counts how often it is read."""

    def __init__(self, store: MemoryStore) -> None:
        self._store, self.reads = store, 0
        self.commit, self.query, self.count, self.close = store.commit, store.query, store.count, store.close
        self.read_rows, self.query_rows = store.read_rows, store.query_rows

    async def read(self, *paths: str) -> list[Snapshot]:
        self.reads += 1
        return await self._store.read(*paths)


def plus_one(snapshots: Mapping[str, Snapshot]) -> dict[str, Document]:
    return {"c/a": {"n": (snapshots["c/a"].data or {"n": 0})["n"] + 1}}


async def n(store: MemoryStore) -> Any:
    [snapshot] = await store.read("c/a")
    return (snapshot.data or {}).get("n")


async def test_writers_at_once_lose_no_update() -> None:
    store = MemoryStore()
    await asyncio.gather(*(transact(store, ("c/a",), plus_one) for _ in range(4)))
    assert await n(store) == 4


async def test_collision_is_decided_anew_on_what_the_winner_wrote() -> None:
    network = ScriptedNetwork()
    store = MemoryStore(network=network)

    async def winner() -> None:
        store.put("c/a", n=10)

    network.before_commit = winner
    snapshots = await transact(store, ("c/a",), plus_one)
    assert await n(store) == 11
    assert snapshots["c/a"].data == {"n": 11}


async def test_snapshots_returned_hold_the_versions_of_the_commit() -> None:
    store = MemoryStore()
    snapshots = await transact(store, ("c/a", "c/b"), plus_one)
    [now] = await store.read("c/a")
    assert (snapshots["c/a"].version, snapshots["c/b"].data) == (now.version, None)


async def test_nothing_wanted_is_nothing_written() -> None:
    store = MemoryStore()
    await transact(store, ("c/a",), lambda _: {})
    assert store.commits == 0


async def test_body_that_raises_writes_nothing() -> None:
    store = MemoryStore()

    def refuse(_: Mapping[str, Snapshot]) -> dict[str, Document]:
        raise KeyError

    with pytest.raises(KeyError):
        await transact(store, ("c/a",), refuse)
    assert store.documents == {}


async def test_commit_of_unknown_outcome_that_is_visible_was_applied() -> None:
    network = ScriptedNetwork()
    store = MemoryStore(network=network)
    network.fail_next = [CommitUnknown()]
    snapshots = await transact(store, ("c/a",), plus_one)
    [now] = await store.read("c/a")
    assert (snapshots["c/a"].data, snapshots["c/a"].version, store.commits) == ({"n": 1}, now.version, 1)


async def test_commit_of_unknown_outcome_that_is_not_visible_is_never_blindly_repeated() -> None:
    network = ScriptedNetwork()
    store = MemoryStore(network=network)
    network.fail_next = [Unapplied()]
    with pytest.raises(CommitUnknown):
        await transact(store, ("c/a",), plus_one)
    assert store.documents == {}


async def test_commit_of_unknown_outcome_that_another_writer_overwrote_stays_unknown() -> None:
    network = ScriptedNetwork()
    store = MemoryStore(network=network)

    async def other() -> None:
        store.put("c/a", n=7)

    network.before_commit, network.fail_next = other, [Unapplied()]
    with pytest.raises(CommitUnknown):
        await transact(store, ("c/a",), plus_one)
    assert await n(store) == 7


async def test_endless_collisions_give_up_without_a_write() -> None:
    network = ScriptedNetwork()
    store = MemoryStore(network=network)
    network.fail_next = [Conflict() for _ in range(50)]
    with pytest.raises(StoreUnavailable) as error:
        await transact(store, ("c/a",), plus_one)
    assert (error.value.code, store.documents) == ("contention", {})


async def test_record_survives_the_store_exactly() -> None:
    world = await started(ORDER_STATUS)
    record = await world.record("t1")
    [snapshot] = await world.store.read("tasks/t1")
    assert to_record(snapshot) == record
    assert to_document(record) == snapshot.data


async def test_missing_task_is_not_found() -> None:
    with pytest.raises(NotFound) as error:
        await change(MemoryStore(), "t9", lambda record, now: record)
    assert error.value.code == "task_not_found"


async def test_arrow_that_changes_nothing_costs_no_commit() -> None:
    world = await started(ORDER_STATUS)
    commits = world.store.commits
    changed = await change(world.store, "t1", lambda record, now: record)
    assert (changed.before, world.store.commits) == (changed.after, commits)


async def test_arrow_sees_what_stands_beside_the_task_at_the_same_moment() -> None:
    world = await started(ORDER_STATUS)
    world.store.put("switches/order_status", enabled=False)
    seen: list[Snapshot] = []

    def arrow(record: Any, now: Any, switch: Snapshot) -> Any:
        seen.append(switch)
        assert switch.read_time == now
        return record

    await change(world.store, "t1", arrow, "switches/order_status")
    assert seen[0].data == {"enabled": False}


async def test_change_that_knows_the_last_one_reads_nothing_while_nobody_else_writes() -> None:
    world = await started(ORDER_STATUS)
    first = await change(world.store, "t1", lambda r, now: r.model_copy(update={"trace_id": "a"}))
    reads = Reads(world.store)
    second = await change(reads, "t1", _at_moment, known=first, elapsed_s=5.0)
    assert (reads.reads, second.before, second.now - first.now) == (0, first.after, timedelta(seconds=5))
    assert (await world.record("t1")).trace_id == second.now.isoformat()


async def test_change_that_knows_a_stale_record_is_decided_anew_on_what_others_wrote() -> None:
    world = await started(ORDER_STATUS)
    first = await change(world.store, "t1", lambda r, now: r.model_copy(update={"trace_id": "a"}))
    other = await change(world.store, "t1", lambda r, now: r.model_copy(update={"priority": 5}))
    reads = Reads(world.store)
    second = await change(reads, "t1", _at_moment, known=first)
    assert (reads.reads, second.before, second.after.priority) == (1, other.after, 5)


def _at_moment(record: TaskRecord, now: datetime) -> TaskRecord:
    return record.model_copy(update={"trace_id": now.isoformat()})
