"""What every `Store` promises of its queries: filters, orders, pages, counts. Inherited by the store's contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.wiring.ports import Document, Filter, Store, Write

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


async def put(store: Store, path: str, data: Document) -> str:
    """Write whatever was there before and return the version."""
    return (await store.commit(Write(path, data, None)))[0]


class QueryContract:
    """Each query finds what it should, in its order, and stays in its collection."""

    @pytest.fixture
    def collection(self) -> str:
        """A collection of this test's own: stores may be shared between tests."""
        return f"contract-{uuid4().hex[:12]}"

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

    async def test_query_looks_into_a_map_by_the_path_of_its_member(self, store: Store, collection: str) -> None:
        documents: dict[str, Document] = {
            "a": {"requester": {"key": "1a.x"}, "n": 1},
            "b": {"requester": {"key": "1a.y"}, "n": 2},
            "null": {"requester": None, "n": 3},
            "other": {"requester": {}, "n": 4},
            "text": {"requester": "1a.x", "n": 5},
        }
        for name, data in documents.items():
            await put(store, f"{collection}/{name}", data)
        named = [Filter("requester.key", "==", "1a.x")]
        assert [s.id for s in await store.query(collection, where=named, limit=9)] == ["a"]
        begins = [Filter("requester.key", ">=", "1a."), Filter("requester.key", "<=", "1a.g")]
        assert await store.count(collection, where=begins, up_to=9) == 0
        begins[1] = Filter("requester.key", "<=", "1a.y")
        assert await store.count(collection, where=begins, up_to=9) == 2

    async def test_query_finds_what_a_list_contains(self, store: Store, collection: str) -> None:
        """On `tasks.keys`, where an index answers, and on any other list."""
        for where in ("tasks", collection):
            mine = collection.rpartition("/")[2]
            lists = {"a": ["x", mine, "\"]'"], "b": [mine], "c": [f"{mine}y"], "none": [], "text": mine, "null": None}
            for n, (name, keys) in enumerate(lists.items()):
                await put(store, f"{where}/{mine}{name}", {"keys": keys, "created_at": NOON + timedelta(minutes=n)})
            await put(store, f"{where}/{mine}missing", {"created_at": NOON})
            has = [Filter("keys", "contains", mine)]
            newest: Any = {"where": has, "order_by": "created_at", "descending": True}
            first = await store.query_rows(where, ["created_at"], limit=1, **newest)
            assert [s.id for s in first] == [f"{mine}b"]
            assert [s.id for s in await store.query(where, **newest, after=first[0])] == [f"{mine}a"]
            assert await store.count(where, where=has, up_to=9) == 2
            assert await store.count(where, where=[Filter("keys", "contains", "\"]'")], up_to=9) >= 1
            early = [*has, Filter("created_at", "<=", NOON)]
            assert await store.count(where, where=early, up_to=9) == 1
            await put(store, f"{where}/{mine}a", {"keys": ["x"], "created_at": NOON})
            await put(store, f"{where}/{mine}b", {"created_at": NOON})
            assert await store.count(where, where=has, up_to=9) == 0

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
        assert await store.count(collection, up_to=10) == 0
        for n in range(7):
            await put(store, f"{collection}/{n}", {"state": "READY" if n % 2 else "FAILED", "at": NOON + timedelta(n)})
        await put(store, f"{collection}/0/below/x", {"state": "READY"})
        assert await store.count(collection, up_to=10) == 7
        assert await store.count(collection, where=[Filter("state", "==", "READY")], up_to=10) == 3
        recent = [Filter("state", "==", "READY"), Filter("at", ">=", NOON + timedelta(3))]
        assert await store.count(collection, where=recent, up_to=10) == 2

    async def test_count_goes_no_further_than_it_is_told(self, store: Store, collection: str) -> None:
        for n in range(5):
            await put(store, f"{collection}/{n}", {"state": "READY", "at": NOON + timedelta(n)})
        recent = [Filter("state", "==", "READY"), Filter("at", ">=", NOON + timedelta(1))]
        for up_to, found in ((1, 1), (3, 3), (4, 4), (5, 4)):
            assert await store.count(collection, where=recent, up_to=up_to) == found
        assert await store.count(collection, up_to=2) == 2

    async def test_row_has_the_wanted_members_and_no_others(self, store: Store, collection: str) -> None:
        whole = {"state": "READY", "n": 1, "at": NOON, "map": {"x": [1, NOON]}, "text": "long " * 1000, "none": None}
        await put(store, f"{collection}/a", whole)
        [read] = await store.read(f"{collection}/a")
        wanted = ("n", "map", "none", "missing")
        where = [Filter("state", "==", "READY")]
        for rows in (
            await store.query_rows(collection, wanted, where=where, order_by="at"),
            await store.read_rows(wanted, f"{collection}/a"),
        ):
            [row] = rows
            assert (row.path, row.id, row.version) == (read.path, "a", read.version)
            assert row.data == {"n": 1, "map": {"x": [1, NOON]}, "none": None}
            assert row.read_time.utcoffset() == timedelta(0)

    async def test_rows_by_path_keep_their_order_and_leave_out_what_is_missing(
        self, store: Store, collection: str
    ) -> None:
        for name in ("a", "b", "c"):
            await put(store, f"{collection}/{name}", {"name": name, "more": 1})
        rows = await store.read_rows(("name",), *(f"{collection}/{name}" for name in ("c", "none", "a")))
        assert [row.data for row in rows] == [{"name": "c"}, {"name": "a"}]

    @pytest.mark.parametrize("descending", [False, True])
    async def test_rows_page_after_a_row(self, store: Store, collection: str, descending: bool) -> None:
        for n in range(5):
            await put(store, f"{collection}/{n}", {"at": NOON + timedelta(n // 2), "text": "x" * 1000})
        found: list[str] = []
        last = None
        while page := await store.query_rows(
            collection, ("at",), order_by="at", descending=descending, limit=2, after=last
        ):
            found, last = found + [row.id for row in page], page[-1]
        assert found == sorted("01234", reverse=descending)

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
