"""What a `Store` promises to several clients at once: no update is lost, and its clock is the same for all of them.

A subclass named `Test...` supplies the fixtures `store` and `other`: two clients of the same documents.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Conflict
from shared.records.documents import Body, transact
from shared.wiring.ports import ABSENT, Document, Snapshot, Store, Write
from tests.contract.publisher_contract import unique

LEASE = timedelta(seconds=0.3)
LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)


def moving(amount: int, source: str, target: str) -> Body:
    """Return a change that moves an amount from one account to another."""

    def body(accounts: Mapping[str, Snapshot]) -> dict[str, Document]:
        return {source: {"n": n_of(accounts[source]) - amount}, target: {"n": n_of(accounts[target]) + amount}}

    return body


def n_of(snapshot: Snapshot) -> Any:
    """Return the number in a document, 0 where there is none."""
    return (snapshot.data or {"n": 0})["n"]


def moment(version: str) -> datetime:
    """Return the time of a version, to the microsecond below."""
    return datetime.fromisoformat(version)


class SharedStoreContract:
    """Changes at once."""

    @pytest.fixture
    def path(self) -> str:
        """A document of this test's own."""
        return f"{unique('shared')}/a"

    async def test_what_one_client_commits_the_other_reads(self, store: Store, other: Store, path: str) -> None:
        await other.read(path)
        for n in range(5):
            [version] = await store.commit(Write(path, {"n": n}, None))
            [seen] = await other.read(path)
            assert (seen.data, seen.version) == ({"n": n}, version)

    async def test_version_that_one_client_read_holds_for_the_other(
        self, store: Store, other: Store, path: str
    ) -> None:
        await store.commit(Write(path, {"n": 1}, ABSENT))
        [seen] = await other.read(path)
        await store.commit(Write(path, {"n": 2}, seen.version))
        with pytest.raises(Conflict):
            await other.commit(Write(path, {"n": 3}, seen.version))
        assert n_of((await other.read(path))[0]) == 2

    async def test_changes_of_one_document_at_once_lose_no_update(self, store: Store, other: Store, path: str) -> None:
        def body(snapshots: Mapping[str, Snapshot]) -> dict[str, Document]:
            return {path: {"n": n_of(snapshots[path]) + 1}}

        await asyncio.gather(*(transact(client, (path,), body) for client in (store, other) * 3))
        assert n_of((await store.read(path))[0]) == 6

    async def test_changes_of_overlapping_documents_at_once_lose_no_update(
        self, store: Store, other: Store, path: str
    ) -> None:
        a, b, c = (f"{path}{name}" for name in "abc")
        moves = [(store, 10, a, b), (other, 20, b, c), (store, 30, c, a), (other, 5, a, c)]
        await asyncio.gather(
            *(transact(client, (a, b, c), moving(amount, source, target)) for client, amount, source, target in moves)
        )
        assert [n_of(s) for s in await store.read(a, b, c)] == [15, -10, -5]

    async def test_reader_between_never_sees_half_a_commit_nor_an_old_one(
        self, store: Store, other: Store, path: str
    ) -> None:
        """Each document by itself: what several reads tell of several documents, only a commit proves."""
        left, right = f"{path}1", f"{path}2"

        async def write() -> None:
            for n in range(1, 21):
                await store.commit(Write(left, {"n": n}, None), Write(right, {"n": n}, None))

        writing = asyncio.create_task(write())
        seen = 0
        while seen < 20:
            n = n_of((await other.read(left))[0])
            assert n >= seen
            seen = n
            assert n_of((await other.read(right))[0]) >= seen  # it was committed together with the other
        await writing

    async def test_one_creation_of_several_documents_wins_whole(self, store: Store, other: Store, path: str) -> None:
        """Two workers create a record with what belongs to it, in different order."""
        paths = [f"{path}{name}" for name in "abc"]

        async def create(client: Store, by: int, order: list[str]) -> bool:
            try:
                await client.commit(*(Write(p, {"n": by}, ABSENT) for p in order))
            except Conflict:
                return False
            return True

        won = await asyncio.gather(*(create(c, i, paths[:: 1 - 2 * (i % 2)]) for i, c in enumerate((store, other) * 3)))
        assert sum(won) == 1
        assert [n_of(s) for s in await store.read(*paths)] == [won.index(True)] * 3


class StoreClockContract:
    """The time of a read is the server's: it orders what happens, whoever looks."""

    async def test_two_clients_read_one_clock_and_it_runs(self, store: Store, other: Store) -> None:
        path, times = f"{unique('clock')}/a", []
        for client in (store, other) * 5:
            times.append((await client.read(path))[0].read_time)
            await asyncio.sleep(0.002)
        assert times == sorted(times)
        assert times[0] < times[-1]

    async def test_version_lies_between_the_reads_before_and_after(self, store: Store, other: Store) -> None:
        path, last = f"{unique('clock')}/a", ""
        for n, (client, observer) in enumerate(((store, other), (other, store)) * 5):
            [before] = await observer.read(path)
            [version] = await client.commit(Write(path, {"n": n}, None))
            [after] = await observer.read(path)
            assert last < version
            assert before.read_time <= moment(version) <= after.read_time
            last = version

    async def test_write_that_changes_nothing_makes_no_version(self, store: Store, other: Store) -> None:
        path = f"{unique('clock')}/a"
        [first] = await store.commit(Write(path, {"n": 1, "at": LONG_AGO}, ABSENT))
        [second] = await other.commit(Write(path, {"n": 1, "at": LONG_AGO}, None))
        [third] = await store.commit(Write(path, {"n": 1, "at": LONG_AGO}, first))
        [fourth] = await store.commit(Write(path, {"n": 2, "at": LONG_AGO}, first))
        assert first == second == third < fourth

    async def test_lease_of_one_client_runs_out_for_the_other_and_never_early(self, store: Store, other: Store) -> None:
        path, began = f"{unique('clock')}/a", time.monotonic()
        [free] = await store.read(path)
        await store.commit(Write(path, {"lease_until": free.read_time + LEASE}, free.version))
        seen = free
        async with asyncio.timeout(20):
            while seen.data is None or seen.read_time < seen.data["lease_until"]:
                [seen] = await other.read(path)
        assert time.monotonic() - began >= LEASE.total_seconds()
        await other.commit(Write(path, {"lease_until": seen.read_time + LEASE}, seen.version))
