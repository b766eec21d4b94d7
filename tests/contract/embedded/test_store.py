"""The embedded store keeps the ports' promises, in one process and in two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.wiring.ports import ABSENT, Write
from tests.contract.shared_store_contract import SharedStoreContract, StoreClockContract
from tests.contract.store_contract import StoreContract

FAR_FUTURE_US = 5_000_000_000_000_000  # the year 2128


class TestEmbeddedStore(StoreContract, SharedStoreContract, StoreClockContract):
    @pytest.fixture
    async def store(self, database: Database) -> EmbeddedStore:
        return EmbeddedStore(database)

    @pytest.fixture
    async def other(self, database: Database) -> AsyncIterator[EmbeddedStore]:
        """As another process has it: with the file opened by itself."""
        other = Database(database.path)
        yield EmbeddedStore(other)
        await other.close()


class TestStoreDetails:
    async def test_versions_grow_though_the_clock_goes_back(self, database: Database) -> None:
        store = EmbeddedStore(database)
        await database.write(lambda t: t.execute("UPDATE clock SET last_us = ?", (FAR_FUTURE_US,)))
        versions = [(await store.commit(Write("things/a", {"n": n}, None)))[0] for n in range(3)]
        assert versions[0] > "2100"
        assert versions == sorted(set(versions))

    async def test_key_that_looks_like_a_time_stays_a_key(self, database: Database) -> None:
        store = EmbeddedStore(database)
        data = {"parameters": {"$time": "tea", "$$": 1, "$": {"$time": 2}}}
        await store.commit(Write("things/a", data, ABSENT))
        assert (await store.read("things/a"))[0].data == data

    async def test_expired_documents_are_deleted_and_others_stay(self, database: Database) -> None:
        store = EmbeddedStore(database)
        now = datetime.now(UTC)
        times = {"past": now - timedelta(days=1), "future": now + timedelta(days=1), "never": None}
        await store.commit(*(Write(f"things/{name}", {"expire_at": at}, ABSENT) for name, at in times.items()))
        assert await store.delete_expired() == 1
        assert [s.id for s in await store.query("things")] == ["future", "never"]
