"""The simulation's ports keep the promises of the real ones: its world is not nicer than theirs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from infra.queue import Queue
from infra.resources import Manifest
from shared.errors import CommitUnknown, SwitchyardError
from shared.records.documents import transact
from shared.wiring.ports import Publisher
from tests.contract.deadline_contract import DeadlineContract
from tests.contract.publisher_contract import OpenBus, PublisherContract, QueueContract
from tests.contract.shared_store_contract import SharedStoreContract, StoreClockContract
from tests.contract.store_contract import StoreContract
from tests.contract.unsure_contract import (
    Adding,
    Fate,
    LoseAnswer,
    UnsurePublisherContract,
    UnsureRaceContract,
    UnsureStoreContract,
)
from tests.simulation.bus import PulledBus
from tests.simulation.loop import ServerClock
from tests.simulation.trouble import Calm, failed_commit
from tests.store import MemoryStore


class Told(Calm):
    """Calm, but for the fate of the next commit or publish, and for reads that fail."""

    fate = ""
    failing_reads = 0

    def lose_answer(self, fate: Fate) -> None:
        """Let the next answer get lost."""
        self.fate = fate

    def publish_fails(self) -> str:
        fate, self.fate = self.fate, ""
        return fate

    def commit_fails(self) -> SwitchyardError | None:
        fate = self.publish_fails()
        return failed_commit(fate) if fate else None

    def read_fails(self) -> bool:
        self.failing_reads -= 1
        return self.failing_reads >= 0


@pytest.fixture
def trouble() -> Told:
    return Told()


@pytest.fixture
def lose_answer(trouble: Told) -> LoseAnswer:
    return trouble.lose_answer


class TestSimulatedStore(
    StoreContract, SharedStoreContract, StoreClockContract, UnsureStoreContract, UnsureRaceContract
):
    @pytest.fixture
    async def store(self, trouble: Told) -> MemoryStore:
        return MemoryStore(ServerClock(asyncio.get_running_loop()).now, trouble)

    @pytest.fixture
    def other(self, store: MemoryStore) -> MemoryStore:
        """All instances of a run share one store, as they do here."""
        return store

    @pytest.mark.parametrize("failing_reads", [1, 2])
    async def test_change_is_found_although_the_first_look_fails_too(
        self, store: MemoryStore, trouble: Told, path: str, failing_reads: int
    ) -> None:
        """As on a connection that has just broken under the commit."""

        def break_down(fate: Fate) -> None:
            trouble.fate, trouble.failing_reads = fate, failing_reads

        after = await transact(store, (path,), Adding(path, break_down, "kept"))
        assert after[path].data == {"n": 1}

    async def test_change_that_nobody_can_look_at_is_never_called_unwritten(
        self, store: MemoryStore, trouble: Told, path: str
    ) -> None:
        def break_down(fate: Fate) -> None:
            trouble.fate, trouble.failing_reads = fate, 99

        with pytest.raises(CommitUnknown):
            await transact(store, (path,), Adding(path, break_down, "kept"))
        assert store.look(path).data == {"n": 1}


class TestSimulatedBus(PublisherContract, QueueContract, DeadlineContract, UnsurePublisherContract):
    deadline_s: ClassVar[int] = 1

    @pytest.fixture
    def open_bus(self, trouble: Told) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            await asyncio.sleep(0)
            queue = PulledBus(manifest, lambda: datetime.now(UTC), trouble)
            return queue.publisher, queue

        return open_bus
