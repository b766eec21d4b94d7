"""What the embedded store finds, and through which index: by type, in pages, and never by a name that is SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.wiring.ports import ABSENT, Filter, Row, Write
from tests.contract.query_contract import NOON


class TestQueries:
    @pytest.mark.parametrize(
        ("op", "value", "found"),
        [
            ("==", 1, ["float", "int"]),
            ("==", True, ["bool"]),
            ("<=", 5, ["float", "int"]),
            ("<=", NOON, ["time"]),
            ("<=", "zzz", ["text"]),
            ("==", '{"$time":"2026-03-01T12:00:00.123456Z"}', []),
        ],
    )
    async def test_query_compares_within_a_type(
        self, database: Database, op: Any, value: Any, found: list[str]
    ) -> None:
        store = EmbeddedStore(database)
        values = {"int": 1, "float": 1.0, "bool": True, "time": NOON, "text": "A", "null": None}
        await store.commit(*(Write(f"things/{name}", {"x": v}, ABSENT) for name, v in values.items()))
        assert [s.id for s in await store.query("things", where=[Filter("x", op, value)])] == found

    @pytest.mark.parametrize("descending", [False, True])
    async def test_pages_go_through_nulls(self, database: Database, descending: bool) -> None:
        store = EmbeddedStore(database)
        values = {"a": None, "b": None, "c": 1, "d": 1, "e": 2}
        await store.commit(*(Write(f"things/{name}", {"x": v}, ABSENT) for name, v in values.items()))
        found, last = "", None
        while page := await store.query("things", order_by="x", descending=descending, limit=1, after=last):
            found, last = found + page[0].id, page[0]
        assert found == ("edcba" if descending else "abcde")

    @pytest.mark.parametrize("name", ["x') OR 1=1 --", "", "a..b", "a b"])
    async def test_odd_name_is_refused_and_never_becomes_sql(self, database: Database, name: str) -> None:
        store = EmbeddedStore(database)
        with pytest.raises(ValueError, match="no name"):
            await store.query("things", where=[Filter(name, "==", 1)])
        with pytest.raises(ValueError, match="no name"):
            await store.query(name)

    async def test_list_of_tasks_reads_no_payload_and_a_list_of_letters_no_bytes(self, database: Database) -> None:
        store = EmbeddedStore(database)
        task = {"state": "READY", "created_at": NOON, "payload": '{"long":1}', "followups": [{"text": "long"}]}
        letter = {"reason": "junk", "created_at": NOON, "data": "e30="}
        await store.commit(Write("tasks/a", task, ABSENT), Write("dead_letters/b", letter, ABSENT))
        assert [s.data for s in await store.read("tasks/a", "dead_letters/b")] == [task, letter]
        await database.write(lambda t: t.execute("UPDATE docs SET bulk = 'whoever reads this fails'"))
        [row] = await store.query_rows("tasks", ("state",), order_by="created_at")
        assert row.data == {"state": "READY"}
        [row] = await store.read_rows(("reason",), "dead_letters/b")
        assert row.data == {"reason": "junk"}
        with pytest.raises(ValueError, match="Expecting value"):
            await store.query_rows("tasks", ("state", "payload"))

    async def test_long_member_is_no_way_to_search(self, database: Database) -> None:
        store = EmbeddedStore(database)
        with pytest.raises(ValueError, match="long"):
            await store.query("tasks", where=[Filter("payload", "==", "{}")])
        with pytest.raises(ValueError, match="long"):
            await store.query_rows("dead_letters", ("reason",), order_by="data")

    async def test_text_that_looks_like_json_is_found_as_a_text_only(self, database: Database) -> None:
        store = EmbeddedStore(database)
        time = '{"$time":"2026-03-01T12:00:00.123456Z"}'
        values: dict[str, Any] = {"map": {"a": 1}, "text": '{"a":1}', "list": [1], "row": "[1]", "at": NOON, "t": time}
        await store.commit(*(Write(f"things/{name}", {"x": v}, ABSENT) for name, v in values.items()))
        assert {s.id: (s.data or {})["x"] for s in await store.query("things")} == values
        for name in ("text", "row", "t", "at"):
            assert [s.id for s in await store.query("things", where=[Filter("x", "==", values[name])])] == [name]
        for op in ("<=", ">="):
            where = [Filter("x", op, NOON)]
            assert [s.id for s in await store.query("things", where=where)] == ["at"]
            assert await store.count("things", where=where, up_to=9) == 1

    async def test_page_after_a_place_is_read_from_there_on(self, database: Database) -> None:
        explaining = Explaining(database)
        after = Row("tasks/a", {"created_at": NOON}, "", NOON)
        for where in ([], [Filter("state", "==", "READY")]):
            for descending in (False, True):
                await EmbeddedStore(explaining).query_rows(
                    "tasks", (), where=where, order_by="created_at", descending=descending, after=after
                )
        assert len(explaining.plan) == 2 * (1 + 2)  # descending, the documents whose time is null come last
        for step in explaining.plan:
            assert re.fullmatch(r"SEARCH docs USING INDEX tasks_by_\w*created_at \(.*created_at[<>=]\?\)", step), step

    @pytest.mark.parametrize("whose", ["requester.key", "assignee", "approval.by"])
    async def test_tasks_of_a_person_are_found_through_an_index(self, database: Database, whose: str) -> None:
        explaining = Explaining(database)
        store = EmbeddedStore(explaining)
        key = [Filter(whose, "==", "1a.x")]
        await store.query("tasks", where=key, order_by="created_at", descending=True)
        assert explaining.plan
        index = f"USING INDEX tasks_by_{whose.replace('.', '_')}"
        assert all(index in step for step in explaining.plan if "docs" in step)

    async def test_tasks_are_sorted_by_amount_by_an_index(self, database: Database) -> None:
        explaining = Explaining(database)
        for more in ([], [Filter("amount", ">=", 25.0), Filter("amount", "<=", 100.0)]):
            where = [Filter("state", "==", "AWAITING_APPROVAL"), *more]
            await EmbeddedStore(explaining).query("tasks", where=where, order_by="amount", descending=True)
        assert len(explaining.plan) == 2
        assert all("USING INDEX tasks_by_state_amount" in step for step in explaining.plan)


class Explaining(Database):
    """A database that explains scans instead of doing them, all in `plan`."""

    def __init__(self, database: Database) -> None:
        self.plan: list[str] = []
        self._real, self.clock = database, database.clock

    async def scan(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.plan += [row[3] for row in await self._real.scan(f"EXPLAIN QUERY PLAN {sql}", arguments)]
        return []
