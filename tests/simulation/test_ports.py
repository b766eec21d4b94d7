"""The simulation's ports keep the promises of the real ones: its world is not nicer than theirs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from infra.manifest import Manifest
from infra.queue import Queue
from shared.ports import Publisher
from tests.contract.publisher_contract import OpenBus, PublisherContract, QueueContract
from tests.contract.store_contract import StoreContract
from tests.simulation.bus import PulledBus
from tests.simulation.store import SimulatedStore
from tests.simulation.trouble import Calm


class TestSimulatedStore(StoreContract):
    @pytest.fixture
    def store(self) -> SimulatedStore:
        return SimulatedStore(Calm())


class TestSimulatedBus(PublisherContract, QueueContract):
    deadline_s: ClassVar[int] = 1

    @pytest.fixture
    def open_bus(self) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            await asyncio.sleep(0)
            queue = PulledBus(manifest, lambda: datetime.now(UTC))
            return queue.publisher, queue

        return open_bus
