"""The Pub/Sub adapters keep the bus's promises on Google's emulator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from infra.emulators.provision import provision
from infra.emulators.queue import PubsubQueue, build_subscriber
from infra.queue import Queue
from infra.resources import Manifest
from shared.errors import PublishFailed
from shared.wiring.adapters.pubsub import PubsubPublisher
from shared.wiring.ports import Publisher
from tests.contract.deadline_contract import DeadlineContract
from tests.contract.publisher_contract import (
    OpenBus,
    PublisherContract,
    QueueContract,
    subscribe,
    take,
    unique,
    wiring,
)
from tests.emulators.broken_server import BrokenServer


@pytest.fixture
async def open_bus(project: str) -> AsyncIterator[OpenBus]:
    opened: list[PubsubPublisher | PubsubQueue] = []

    async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
        await provision(manifest, project)
        publisher = PubsubPublisher(project)
        queue = PubsubQueue(project, manifest.subscriptions)
        opened.extend([publisher, queue])
        return publisher, queue

    yield open_bus
    for port in opened:
        await port.close()


class TestDeadlines(DeadlineContract):
    pass


class TestPubsubPublisher(PublisherContract):
    async def test_refused_message_takes_no_other_with_it(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        texts = [b"" if n == 7 else b"%d" % n for n in range(20)]  # one without data and attributes is refused
        ended = await asyncio.gather(*(publisher.publish(topic, text, {}) for text in texts), return_exceptions=True)
        assert [n for n, each in enumerate(ended) if isinstance(each, PublishFailed)] == [7]
        found = await take(queue, topic, 19)
        assert {d.message_id: d.data for d in found} == {i: t for i, t in zip(ended, texts, strict=True) if t}
        await asyncio.gather(*map(queue.ack, found))


class TestPubsubQueue(QueueContract):
    async def test_closing_sends_the_acknowledgements_under_way(self, open_bus: OpenBus, project: str) -> None:
        topic = unique("topic")
        manifest = wiring(subscribe(topic, ack_deadline_s=self.deadline_s))
        publisher, queue = await open_bus(manifest)
        await publisher.publish(topic, b"x", {})
        [found] = await take(queue, topic)
        await queue.ack(found)
        await queue.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}  # nothing is left to be sent later
        again = PubsubQueue(project, manifest.subscriptions)
        assert await again.pull(topic, 1, self.deadline_s + 2) == []
        await again.close()

    async def test_message_that_comes_while_a_relay_stops_is_there_for_the_next_one(
        self, open_bus: OpenBus, project: str
    ) -> None:
        """The emulator goes on with a pull that is cancelled, and what it finds would come after the deadline only."""
        topic = unique("topic")
        manifest = wiring(subscribe(topic, ack_deadline_s=600))
        publisher, queue = await open_bus(manifest)
        pulling = asyncio.create_task(queue.pull(topic, 20, 30))
        await asyncio.wait([pulling], timeout=0.3)
        pulling.cancel()
        ids, _ = await asyncio.gather(
            asyncio.gather(*(publisher.publish(topic, b"%d" % n, {}) for n in range(20))), queue.close()
        )
        again = PubsubQueue(project, manifest.subscriptions)
        found = await take(again, topic, 20, wait_s=20)
        await asyncio.gather(*map(again.ack, found))
        await again.close()
        assert sorted(d.message_id for d in found) == sorted(ids)

    async def test_message_published_between_two_pulls_is_not_lost(self, open_bus: OpenBus) -> None:
        """A pull that gave up must not have taken what came afterwards."""
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        for _ in range(5):
            assert await queue.pull(topic, 1, 0.1) == []
            await publisher.publish(topic, b"x", {})
            [found] = await take(queue, topic)  # long before its deadline
            await queue.ack(found)

    async def test_refused_message_comes_again_although_pulls_broke(self, open_bus: OpenBus, project: str) -> None:
        """The emulator gives a message to a pull that is gone, and under a retry policy loses it for good."""
        topic, count = unique("topic"), 30
        manifest = wiring(subscribe(topic, ack_deadline_s=self.deadline_s, min_backoff_s=1, max_backoff_s=1))
        publisher, queue = await open_bus(manifest)
        broken = build_subscriber()
        path = f"projects/{project}/subscriptions/{topic}"
        refused: set[str] = set()
        taken: set[str] = set()
        for n in range(count):
            gone = [asyncio.create_task(broken.pull(subscription=path, max_messages=1, timeout=30)) for _ in range(2)]
            await asyncio.wait(gone, timeout=0.1)
            for pull in gone:
                pull.cancel()
            await asyncio.gather(*gone, return_exceptions=True)
            await publisher.publish(topic, b"%d" % n, {})
        async with asyncio.timeout(100):
            while len(taken) < count:
                for delivery in await queue.pull(topic, 10, 5):
                    await (queue.ack if delivery.message_id in refused else queue.nack)(delivery)
                    (taken if delivery.message_id in refused else refused).add(delivery.message_id)
        await broken.transport.close()


class TestProvision:
    async def test_provisioning_twice_changes_nothing(self, open_bus: OpenBus) -> None:
        manifest = wiring(subscribe(unique("topic"), dead_letter_topic=unique("dead")))
        await open_bus(manifest)
        await open_bus(manifest)

    async def test_prefixed_names_share_nothing_with_others(self, open_bus: OpenBus, project: str) -> None:
        manifest = wiring(subscribe("tasks"))
        _, plain = await open_bus(manifest)
        await provision(manifest, project, "staging-")
        publisher = PubsubPublisher(project, "staging-")
        queue = PubsubQueue(project, manifest.subscriptions, "staging-")
        await publisher.publish("tasks", b"x", {})
        [found] = await take(queue, "tasks")
        assert (found.subscription, found.data) == ("tasks", b"x")
        await queue.ack(found)
        assert await plain.pull("tasks", 1, 0.5) == []
        await queue.close()
        await publisher.close()


class TestFailingServer:
    @pytest.fixture
    async def broken(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BrokenServer]:
        async with BrokenServer() as server:
            monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.host)
            yield server

    @pytest.fixture
    async def publisher(self, broken: BrokenServer) -> AsyncIterator[PubsubPublisher]:
        publisher = PubsubPublisher("broken")
        yield publisher
        await publisher.close()

    @pytest.mark.parametrize("status", ["UNAVAILABLE", "INTERNAL", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"])
    async def test_every_failure_is_publish_failed_after_one_call(
        self, broken: BrokenServer, publisher: PubsubPublisher, status: str
    ) -> None:
        broken.status = status
        with pytest.raises(PublishFailed, match=status):
            await publisher.publish("tasks", b"secret", {})
        assert broken.calls == 1

    async def test_publish_without_an_answer_fails_within_its_time(
        self, broken: BrokenServer, publisher: PubsubPublisher
    ) -> None:
        broken.status = BrokenServer.SILENT
        start = time.monotonic()
        with pytest.raises(PublishFailed) as caught:
            await publisher.publish("tasks", b"secret", {})
        assert 1.5 < time.monotonic() - start < 20  # Google's client by itself: 60 s
        assert "secret" not in caught.value.message

    async def test_missing_server_fails_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
        publisher = PubsubPublisher("nowhere")
        async with asyncio.timeout(20):
            with pytest.raises(PublishFailed):
                await publisher.publish("tasks", b"x", {})
        await publisher.close()
