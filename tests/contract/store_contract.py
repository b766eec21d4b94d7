"""What every `Store` promises. A subclass named `Test...` supplies the fixture `store`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from shared.errors import Conflict, Retry, SwitchyardError
from shared.wiring.ports import ABSENT, Document, Filter, Store, Write

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


async def put(store: Store, path: str, data: Document) -> str:
    """Write whatever was there before and return the version."""
    return (await store.commit(Write(path, data, None)))[0]


async def data_at(store: Store, path: str) -> Document | None:
    """Return the document's data."""
    return (await store.read(path))[0].data


class StoreContract:
    """Compare-and-set, atomicity, consistent reads, exact values, queries."""

    @pytest.fixture
    def collection(self) -> str:
        """A collection of this test's own: stores may be shared between tests."""
        return f"contract-{uuid4().hex[:12]}"

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

    async def test_query_finds_equal_values_only(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {"state": "READY", "n": 1})
        await put(store, f"{collection}/b", {"state": "FAILED", "n": 2})
        await put(store, f"{collection}/c", {"n": 3})
        [found] = await store.query(collection, where=[Filter("state", "==", "READY")])
        [read] = await store.read(f"{collection}/a")
        assert (found.path, found.data, found.version) == (read.path, read.data, read.version)
        assert found.read_time.utcoffset() == timedelta(0)

    async def test_query_combines_filters(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {"state": "READY", "intent": "x"})
        await put(store, f"{collection}/b", {"state": "READY", "intent": "y"})
        both = [Filter("state", "==", "READY"), Filter("intent", "==", "y")]
        assert [s.id for s in await store.query(collection, where=both)] == ["b"]

    async def test_query_for_null_finds_null_and_not_missing(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/null", {"outcome": None})
        await put(store, f"{collection}/set", {"outcome": "approved"})
        await put(store, f"{collection}/missing", {})
        assert [s.id for s in await store.query(collection, where=[Filter("outcome", "==", None)])] == ["null"]

    async def test_query_up_to_a_moment_skips_null_missing_and_later(self, store: Store, collection: str) -> None:
        moments = {"past": NOON - timedelta(microseconds=1), "now": NOON, "later": NOON + timedelta(microseconds=1)}
        for name, at in {**moments, "null": None}.items():
            await put(store, f"{collection}/{name}", {"next_check_at": at})
        await put(store, f"{collection}/missing", {})
        due = await store.query(collection, where=[Filter("next_check_at", "<=", NOON)], order_by="next_check_at")
        assert [s.id for s in due] == ["past", "now"]

    async def test_query_from_a_moment_skips_null_missing_and_earlier(self, store: Store, collection: str) -> None:
        moments = {"past": NOON - timedelta(microseconds=1), "now": NOON, "later": NOON + timedelta(microseconds=1)}
        for name, at in {**moments, "null": None, "text": "noon"}.items():
            await put(store, f"{collection}/{name}", {"created_at": at} if name != "text" else {"other": at})
        where = [Filter("created_at", ">=", NOON)]
        assert [s.id for s in await store.query(collection, where=where, order_by="created_at")] == ["now", "later"]

    async def test_query_within_two_moments(self, store: Store, collection: str) -> None:
        for n in range(5):
            await put(store, f"{collection}/{n}", {"at": NOON + timedelta(hours=n)})
        between = [Filter("at", ">=", NOON + timedelta(hours=1)), Filter("at", "<=", NOON + timedelta(hours=3))]
        found = await store.query(collection, where=between, order_by="at", descending=True)
        assert [s.id for s in found] == ["3", "2", "1"]

    async def test_count_counts_what_a_query_would_find(self, store: Store, collection: str) -> None:
        assert await store.count(collection) == 0
        for n in range(7):
            await put(store, f"{collection}/{n}", {"state": "READY" if n % 2 else "FAILED", "at": NOON + timedelta(n)})
        await put(store, f"{collection}/0/below/x", {"state": "READY"})
        assert await store.count(collection) == 7
        assert await store.count(collection, where=[Filter("state", "==", "READY")]) == 3
        recent = [Filter("state", "==", "READY"), Filter("at", ">=", NOON + timedelta(3))]
        assert await store.count(collection, where=recent) == 2

    async def test_query_of_an_empty_collection_finds_nothing(self, store: Store, collection: str) -> None:
        assert await store.query(collection) == []

    async def test_query_stays_in_its_collection(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {})
        await put(store, f"{collection}2/b", {})
        await put(store, f"{collection}/a/{collection}/c", {})
        assert [s.path for s in await store.query(collection)] == [f"{collection}/a"]

    async def test_query_without_order_is_by_path(self, store: Store, collection: str) -> None:
        for name in ("b", "a", "B", "c"):
            await put(store, f"{collection}/{name}", {})
        assert [s.id for s in await store.query(collection, limit=3)] == ["B", "a", "b"]

    async def test_ordered_query_skips_documents_without_the_field(self, store: Store, collection: str) -> None:
        await put(store, f"{collection}/a", {"at": NOON})
        await put(store, f"{collection}/b", {})
        assert [s.id for s in await store.query(collection, order_by="at")] == ["a"]

    @pytest.mark.parametrize("descending", [False, True])
    async def test_pages_cover_ties_once_and_in_order(self, store: Store, collection: str, descending: bool) -> None:
        """Ties are broken by path, in the direction of the order."""
        times = {f"{i:02}": NOON + timedelta(seconds=i // 4) for i in range(10)}
        await store.commit(*(Write(f"{collection}/{k}", {"at": v, "state": "READY"}, None) for k, v in times.items()))
        await put(store, f"{collection}/other", {"at": NOON, "state": "FAILED"})
        found: list[str] = []
        last = None
        for _ in range(5):
            page = await store.query(
                collection,
                where=[Filter("state", "==", "READY")],
                order_by="at",
                descending=descending,
                limit=3,
                after=last,
            )
            assert len(page) <= 3
            if not page:
                break
            found += [s.id for s in page]
            last = page[-1]
        assert found == sorted(times, reverse=descending)

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
