"""What every `Store` promises. A subclass named `Test...` supplies the fixture `store`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.errors import Conflict, Retry, SwitchyardError
from shared.wiring.ports import ABSENT, Document, Store, Write
from tests.contract.query_contract import NOON, QueryContract, put


async def data_at(store: Store, path: str) -> Document | None:
    """Return the document's data."""
    return (await store.read(path))[0].data


class StoreContract(QueryContract):
    """Compare-and-set, atomicity, consistent reads, exact values; and queries."""

    async def test_created_document_is_read_back(self, store: Store, collection: str) -> None:
        versions = await store.commit(Write(f"{collection}/a", {"n": 1}, ABSENT))
        [snapshot] = await store.read(f"{collection}/a")
        assert (snapshot.data, snapshot.version, snapshot.id) == ({"n": 1}, versions[0], "a")

    async def test_second_create_conflicts_and_keeps_the_first(self, store: Store, collection: str) -> None:
        await store.commit(Write(f"{collection}/a", {"n": 1}, ABSENT))
        with pytest.raises(Conflict):
            await store.commit(Write(f"{collection}/a", {"n": 2}, ABSENT))
        assert await data_at(store, f"{collection}/a") == {"n": 1}

    async def test_write_with_the_version_read_succeeds(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {"n": 1})
        [before] = await store.read(f"{collection}/a")
        await store.commit(Write(f"{collection}/a", {"n": 2}, before.version))
        assert await data_at(store, f"{collection}/a") == {"n": 2}

    async def test_write_with_the_version_of_a_commit_succeeds(self, store: Store, collection: str) -> None:
        version = await put(store, f"{collection}/a", {"n": 1})
        await store.commit(Write(f"{collection}/a", {"n": 2}, version))
        assert await data_at(store, f"{collection}/a") == {"n": 2}

    async def test_write_with_a_stale_version_conflicts(self, store: Store, collection: str) -> None:
        stale = await put(store, f"{collection}/a", {"n": 1})
        await put(store, f"{collection}/a", {"n": 2})
        with pytest.raises(Conflict):
            await store.commit(Write(f"{collection}/a", {"n": 3}, stale))
        assert await data_at(store, f"{collection}/a") == {"n": 2}

    async def test_write_with_a_version_to_a_missing_document_conflicts(self, store: Store, collection: str) -> None:
        version = await put(store, f"{collection}/a", {"n": 1})
        with pytest.raises(Conflict):
            await store.commit(Write(f"{collection}/b", {"n": 1}, version))
        assert await data_at(store, f"{collection}/b") is None

    async def test_unconditional_write_replaces_the_whole_document(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {"old": 1, "map": {"x": 1}})
        await put(store, f"{collection}/a", {"map": {"y": 2}})
        assert await data_at(store, f"{collection}/a") == {"map": {"y": 2}}

    async def test_write_that_leaves_the_others_replaces_its_members_and_nothing_else(
        self, store: Store, collection: str
    ) -> None:
        path, kept = f"{collection}/a", {"odd": {"of a": ["later", {"version": 1.5}]}, "at": NOON, "payload": "long"}
        version = await put(store, path, kept | {"due": NOON, "map": {"x": 1}})
        due, stale = {"due": NOON + timedelta(hours=1), "map": {"y": 2}}, version
        [version] = await store.commit(Write(path, due, version, others_stay=True))
        [found] = await store.read(path)
        assert (found.data, found.version) == (kept | due, version)
        with pytest.raises(Conflict):
            await store.commit(Write(path, {"due": NOON}, stale, others_stay=True))
        assert await data_at(store, path) == kept | due

    async def test_one_failing_precondition_writes_nothing(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/taken", {"n": 0})
        free, taken, other = (f"{collection}/{name}" for name in ("free", "taken", "other"))
        with pytest.raises(Conflict):
            await store.commit(Write(free, {}, ABSENT), Write(taken, {"n": 1}, ABSENT), Write(other, {}, None))
        assert [s.data for s in await store.read(free, taken, other)] == [None, {"n": 0}, None]

    async def test_many_documents_are_written_at_once(self, store: Store, collection: str) -> None:
        paths = [f"{collection}/{i:02}" for i in range(20)]
        versions = await store.commit(*(Write(p, {"at": p}, ABSENT) for p in paths))
        snapshots = await store.read(*paths)
        assert [s.data for s in snapshots] == [{"at": p} for p in paths]
        assert [s.version for s in snapshots] == versions

    async def test_every_change_makes_a_new_version(self, store: Store, collection: str) -> None:
        versions = [await put(store, f"{collection}/a", {"n": n}) for n in range(20)]
        assert len({ABSENT, *versions}) == 21

    async def test_missing_document_is_absent_and_has_a_read_time(self, store: Store, collection: str) -> None:
        [snapshot] = await store.read(f"{collection}/none")
        assert (snapshot.data, snapshot.version, snapshot.path) == (None, ABSENT, f"{collection}/none")
        assert snapshot.read_time.utcoffset() == timedelta(0)

    async def test_read_time_is_one_moment_and_never_goes_back(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {})
        times = []
        for _ in range(10):
            there, missing = await store.read(f"{collection}/a", f"{collection}/none")
            assert there.read_time == missing.read_time
            assert type(there.read_time) is datetime
            times.append(there.read_time)
        assert times == sorted(times)

    async def test_documents_come_in_the_order_asked_for(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {"n": "a"})
        await put(store, f"{collection}/c", {"n": "c"})
        paths = [f"{collection}/{name}" for name in ("c", "b", "a", "c")]
        snapshots = await store.read(*paths)
        assert [s.path for s in snapshots] == paths
        assert [s.data for s in snapshots] == [{"n": "c"}, None, {"n": "a"}, {"n": "c"}]

    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            0,
            -1,
            2**63 - 1,
            -(2**63),
            1.0,
            -0.5,
            1e300,
            0.1 + 0.2,
            "",
            "naïve – 日本語 🎉 e\u0301 \u202e \u0000 '\"\\",
            [],
            {},
            [1, 1.0, "1", None, True, {"deep": [{}]}],
            {"a": {"b": {"c": [1, {"d": {}}]}}, "empty": {}, "with space": 1, "dot.ted": 2, "ünï": 3},
            NOON,
            {"at": [NOON, NOON + timedelta(microseconds=1)]},
            "2026-03-01T12:00:00Z",
            datetime(1970, 1, 1, tzinfo=UTC),
        ],
        ids=repr,
    )
    async def test_value_comes_back_exactly(self, store: Store, collection: str, value: Any) -> None:
        await put(store, f"{collection}/a", {"value": value})
        found = await data_at(store, f"{collection}/a")
        assert found == {"value": value}
        assert kinds(found) == kinds({"value": value})

    async def test_datetime_of_another_zone_comes_back_in_utc(self, store: Store, collection: str) -> None:
        there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
        await put(store, f"{collection}/a", {"at": there})
        found = await data_at(store, f"{collection}/a")
        assert found is not None
        assert (found["at"], found["at"].utcoffset()) == (NOON, timedelta(0))

    async def test_256_kib_string_comes_back(self, store: Store, collection: str) -> None:
        payload = "é" * (128 * 1024)
        await put(store, f"{collection}/a", {"payload": payload})
        assert await data_at(store, f"{collection}/a") == {"payload": payload}

    async def test_string_that_is_no_unicode_is_refused_and_not_retried(self, store: Store, collection: str) -> None:
        with pytest.raises(SwitchyardError) as caught:
            await put(store, f"{collection}/a", {"value": "lone \ud800 surrogate"})
        assert not isinstance(caught.value, Retry | Conflict)
        assert await data_at(store, f"{collection}/a") is None

    async def test_concurrent_increments_lose_no_update(self, store: Store, collection: str) -> None:
        path = f"{collection}/counter"
        await put(store, path, {"n": 0})

        async def increment() -> int:
            for tries in range(500):
                [now] = await store.read(path)
                assert now.data is not None
                try:
                    await store.commit(Write(path, {"n": now.data["n"] + 1}, now.version))
                except Conflict:
                    continue
                return tries
            raise AssertionError("no progress")

        async with asyncio.timeout(60):
            await asyncio.gather(*(increment() for _ in range(20)))
        assert await data_at(store, path) == {"n": 20}

    async def test_one_of_many_concurrent_creates_wins(self, store: Store, collection: str) -> None:
        async def create(n: int) -> bool:
            try:
                await store.commit(Write(f"{collection}/a", {"n": n}, ABSENT))
            except Conflict:
                return False
            return True

        won = await asyncio.gather(*(create(n) for n in range(10)))
        assert sum(won) == 1
        assert await data_at(store, f"{collection}/a") == {"n": won.index(True)}


def kinds(value: Any) -> Any:
    """Return the exact types in `value`, so that 1 and 1.0, or a subclass of datetime, are told apart."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [kinds(item) for item in value]
    return type(value)
