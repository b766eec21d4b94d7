"""The embedded backend keeps the ports' promises, and those of one file: nothing acknowledged is ever lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from infra.manifest import Manifest
from infra.queue import Queue
from shared.ports import Publisher
from tests.contract.publisher_contract import OpenBus, PublisherContract, QueueContract
from tests.contract.store_contract import StoreContract


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "switchyard.db")
    yield database
    await database.close()


class TestEmbeddedStore(StoreContract):
    @pytest.fixture
    async def store(self, database: Database) -> EmbeddedStore:
        return EmbeddedStore(database)


class TestEmbeddedBus(PublisherContract, QueueContract):
    deadline_s: ClassVar[int] = 1

    @pytest.fixture
    def open_bus(self, database: Database) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            return EmbeddedPublisher(database, manifest), EmbeddedQueue(database, manifest)

        return open_bus
