"""The embedded bus keeps the ports' promises: published, delivered, backed off and kept."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from infra.embedded.bus import KEPT_MESSAGES, EmbeddedPublisher, EmbeddedQueue, backoff_s
from infra.embedded.database import Database
from infra.queue import Queue
from infra.resources import Manifest
from shared.wiring.ports import Publisher
from tests.contract.deadline_contract import DeadlineContract
from tests.contract.publisher_contract import OpenBus, PublisherContract, QueueContract, subscribe, wiring


class TestEmbeddedBus(PublisherContract, QueueContract, DeadlineContract):
    deadline_s: ClassVar[int] = 1

    @pytest.fixture
    def open_bus(self, database: Database) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            return EmbeddedPublisher(database, manifest), EmbeddedQueue(database, manifest)

        return open_bus


class TestBusDetails:
    async def test_topic_without_subscription_keeps_the_latest_messages(self, database: Database) -> None:
        publisher = EmbeddedPublisher(database, wiring(topics=["results"]))
        extra = 5
        await asyncio.gather(*(publisher.publish("results", b"%d" % n, {}) for n in range(KEPT_MESSAGES + extra)))
        rows = database.read("SELECT data FROM unsubscribed WHERE topic = 'results' ORDER BY seq")
        assert [int(row[0]) for row in rows] == list(range(extra, KEPT_MESSAGES + extra))

    async def test_publish_wakes_a_waiting_pull_at_once(self, database: Database) -> None:
        manifest = wiring(subscribe("work"))
        pulling = asyncio.create_task(EmbeddedQueue(database, manifest).pull("work", 1, 20))
        await asyncio.sleep(0.05)
        await EmbeddedPublisher(database, manifest).publish("work", b"", {})
        async with asyncio.timeout(15):  # nothing else would end the pull sooner than its 20 s
            assert await pulling

    def test_backoff_doubles_within_its_bounds(self) -> None:
        policy = subscribe("work", min_backoff_s=2, max_backoff_s=600)
        assert [backoff_s(policy, n) for n in (1, 2, 3, 9, 10, 5000)] == [2, 4, 8, 512, 600, 600]
