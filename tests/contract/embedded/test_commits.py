"""Writes of one process share a commit, and none disturbs another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from infra.embedded.database import Database, Transaction
from infra.embedded.store import EmbeddedStore
from shared.errors import Conflict, StoreUnavailable
from shared.wiring.ports import ABSENT, Write


class TestGroupCommit:
    async def test_concurrent_writes_share_a_commit(self, database: Database) -> None:
        transactions: list[Transaction] = []
        await asyncio.gather(*(database.write(transactions.append) for _ in range(200)))
        assert len(transactions) == 200
        assert len(set(map(id, transactions))) <= 2

    async def test_failed_operation_leaves_its_neighbours_alone(self, database: Database) -> None:
        store = EmbeddedStore(database)
        await store.commit(Write("things/taken", {}, ABSENT))

        def half_done(transaction: Transaction) -> None:
            transaction.execute("INSERT INTO clock VALUES (1)")
            raise RuntimeError("on purpose")

        outcomes = await asyncio.gather(
            store.commit(Write("things/a", {}, ABSENT)),
            store.commit(Write("things/taken", {}, ABSENT)),
            database.write(half_done),
            database.write(lambda t: t.execute("SELECT nonsense")),
            store.commit(Write("things/b", {}, ABSENT)),
            return_exceptions=True,
        )
        assert [type(o) for o in outcomes] == [list, Conflict, RuntimeError, StoreUnavailable, list]
        assert [s.id for s in await store.query("things")] == ["a", "b", "taken"]
        assert database.read("SELECT count(*) FROM clock") == [(1,)], "what one wrote before it failed is gone"

    async def test_cancelled_write_does_not_disturb_others(self, database: Database) -> None:
        store = EmbeddedStore(database)
        writes = [asyncio.create_task(store.commit(Write(f"things/{n}", {}, ABSENT))) for n in range(50)]
        await asyncio.sleep(0)
        writes[7].cancel()
        await asyncio.wait(writes)
        others = {str(n) for n in range(50)} - {"7"}
        assert others <= {s.id for s in await store.query("things")}

    async def test_close_commits_what_was_submitted(self, tmp_path: Path) -> None:
        database = Database(tmp_path / "switchyard.db")
        writing = asyncio.create_task(EmbeddedStore(database).commit(Write("things/a", {}, ABSENT)))
        await asyncio.sleep(0)
        await database.close()
        await writing
        with pytest.raises(StoreUnavailable):
            await EmbeddedStore(database).commit(Write("things/b", {}, ABSENT))
