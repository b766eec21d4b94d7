"""The embedded backend on a disk that fails or is full: the outcome of a commit is not known, and said so."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from infra.queue import Queue
from infra.resources import Manifest
from shared.errors import CommitUnknown
from shared.wiring.ports import ABSENT, Publisher, Write
from tests.contract.publisher_contract import OpenBus
from tests.contract.unsure_contract import (
    Fate,
    LoseAnswer,
    UnsurePublisherContract,
    UnsureRaceContract,
    UnsureStoreContract,
)


class UnsureDatabase(Database):
    """A database whose disk, once, fails the commit under way: `kept` after it was written, `lost` before."""

    fate: Fate | None = None

    def lose_answer(self, fate: Fate) -> None:
        """Let the next commit fail."""
        self.fate = fate

    def _open(self, *timeouts_s: float) -> list[Any]:
        writer, *others = super()._open(*timeouts_s)
        return [FailingWriter(writer, self), *others]


class FailingWriter:
    """The connection that writes, as far as its commits do not fail."""

    def __init__(self, connection: sqlite3.Connection, database: UnsureDatabase) -> None:
        self._connection, self._database = connection, database

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        fate = self._database.fate
        if sql != "COMMIT" or fate is None:
            return self._connection.execute(sql, *arguments)
        self._database.fate = None
        if fate == "kept":
            self._connection.execute(sql)
        raise sqlite3.OperationalError("disk I/O error")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
async def unsure(tmp_path: Path) -> AsyncIterator[UnsureDatabase]:
    database = UnsureDatabase(tmp_path / "switchyard.db")
    yield database
    await database.close()


@pytest.fixture
def lose_answer(unsure: UnsureDatabase) -> LoseAnswer:
    return unsure.lose_answer


class TestUnsureStore(UnsureStoreContract, UnsureRaceContract):
    @pytest.fixture
    async def store(self, unsure: UnsureDatabase) -> EmbeddedStore:
        return EmbeddedStore(unsure)

    async def test_full_disk_leaves_the_commit_unknown_and_the_store_works_once_there_is_room(
        self, store: EmbeddedStore
    ) -> None:
        await store.commit(Write("things/a", {"n": 1}, ABSENT))
        with no_room():
            with pytest.raises(CommitUnknown):
                await store.commit(Write("things/a", {"n": 2}, None))
            assert (await store.read("things/a"))[0].data == {"n": 1}
        await store.commit(Write("things/a", {"n": 3}, None))
        assert (await store.read("things/a"))[0].data == {"n": 3}


class TestUnsurePublisher(UnsurePublisherContract):
    @pytest.fixture
    def open_bus(self, unsure: UnsureDatabase) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            return EmbeddedPublisher(unsure, manifest), EmbeddedQueue(unsure, manifest)

        return open_bus


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow, or be written at all: to a program, that is a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
