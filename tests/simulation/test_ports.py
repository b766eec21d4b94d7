"""The simulation's ports keep the promises of the real ones: its world is not nicer than theirs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from infra.manifest import Manifest
from infra.queue import Queue
from shared.ports import Publisher
from tests.contract.deadline_contract import DeadlineContract
from tests.contract.publisher_contract import OpenBus, PublisherContract, QueueContract
from tests.contract.shared_store_contract import SharedStoreContract, StoreClockContract
from tests.contract.store_contract import StoreContract
from tests.contract.unsure_contract import (
    Fate,
    LoseAnswer,
    UnsurePublisherContract,
    UnsureRaceContract,
    UnsureStoreContract,
)
from tests.simulation.bus import PulledBus
from tests.simulation.store import SimulatedStore
from tests.simulation.trouble import Calm


class Told(Calm):
    """Calm, but for the fate of the next commit or publish."""

    fate = ""

    def lose_answer(self, fate: Fate) -> None:
        """Let the next answer get lost."""
        self.fate = fate

    def commit_fails(self) -> str:
        fate, self.fate = self.fate, ""
        return fate

    publish_fails = commit_fails


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
    def store(self, trouble: Told) -> SimulatedStore:
        return SimulatedStore(trouble)

    @pytest.fixture
    def other(self, store: SimulatedStore) -> SimulatedStore:
        """All instances of a run share one store, as they do here."""
        return store


class TestSimulatedBus(PublisherContract, QueueContract, DeadlineContract, UnsurePublisherContract):
    deadline_s: ClassVar[int] = 1

    @pytest.fixture
    def open_bus(self, trouble: Told) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            await asyncio.sleep(0)
            queue = PulledBus(manifest, lambda: datetime.now(UTC), trouble)
            return queue.publisher, queue

        return open_bus
