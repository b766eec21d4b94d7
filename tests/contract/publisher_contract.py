"""What every `Publisher` and `Queue` promise together.

A subclass named `Test...` supplies the fixture `open_bus`: given a manifest, it provisions topics and subscriptions
and returns a publisher and a queue, and closes them after the test.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar
from uuid import uuid4

import pytest

from infra.queue import Delivery, Queue
from infra.resources import Manifest, Subscription
from shared.errors import PublishFailed
from shared.wiring.ports import Publisher

OpenBus = Callable[[Manifest], Awaitable[tuple[Publisher, Queue]]]

ATTEMPTS = 5  # the fewest that Pub/Sub takes


def unique(name: str) -> str:
    """Return a name of this test's own: a bus may be shared between tests."""
    return f"{name}-{uuid4().hex[:10]}"


def wiring(*subscriptions: Subscription, topics: Sequence[str] = ()) -> Manifest:
    """Return a manifest of these subscriptions and all topics they name."""
    named = [t for s in subscriptions for t in (s.topic, s.dead_letter_topic) if t]
    return Manifest((), tuple(dict.fromkeys([*named, *topics])), subscriptions)


def subscribe(
    topic: str,
    *,
    name: str = "",
    ack_deadline_s: int = 60,
    min_backoff_s: float = 0.1,
    max_backoff_s: float = 0.1,
    dead_letter_topic: str | None = None,
) -> Subscription:
    """Return a subscription of `topic`, by default without any patience between attempts."""
    return Subscription(
        name or topic, topic, "nobody", ack_deadline_s, min_backoff_s, max_backoff_s, ATTEMPTS, dead_letter_topic
    )


async def take(queue: Queue, subscription: str, count: int = 1, wait_s: float = 10) -> list[Delivery]:
    """Pull until `count` deliveries are there or `wait_s` seconds have passed."""
    found: list[Delivery] = []
    until = time.monotonic() + wait_s
    while len(found) < count and (left := until - time.monotonic()) > 0:
        found += await queue.pull(subscription, count - len(found), left)
    return found


class PublisherContract:
    """An acknowledged publish is durable; anything else is PublishFailed."""

    async def test_each_message_gets_an_id_of_its_own(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, _ = await open_bus(wiring(topics=[topic]))
        ids = [await publisher.publish(topic, b"x", {}) for _ in range(3)]
        assert len(set(ids)) == 3
        assert all(ids)

    async def test_unknown_topic_fails_and_is_named(self, open_bus: OpenBus) -> None:
        publisher, _ = await open_bus(wiring(topics=[unique("topic")]))
        with pytest.raises(PublishFailed, match="no-such-topic"):
            await publisher.publish("no-such-topic", b"x", {})

    async def test_publisher_works_after_a_failure(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, _ = await open_bus(wiring(topics=[topic]))
        with pytest.raises(PublishFailed):
            await publisher.publish("no-such-topic", b"x", {})
        assert await publisher.publish(topic, b"x", {})

    async def test_200_concurrent_publishes_all_arrive(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        ids = await asyncio.gather(*(publisher.publish(topic, str(i).encode(), {}) for i in range(200)))
        found = await take(queue, topic, 200, wait_s=20)
        assert {d.message_id: d.data for d in found} == {m: str(i).encode() for i, m in enumerate(ids)}
        await asyncio.gather(*map(queue.ack, found))


class QueueContract:
    """At least once: acknowledged messages stay away, all others come again and end in the dead letters."""

    deadline_s: ClassVar[int] = 10  # the shortest ack deadline that the bus takes

    async def test_published_message_is_pulled_as_it_was(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        message_id = await publisher.publish(topic, b'{"task_id":"t1"}', {"trace_id": "abc", "ünï": "c\u00f6de"})
        [found] = await take(queue, topic)
        assert (found.message_id, found.subscription) == (message_id, topic)
        assert found.data == b'{"task_id":"t1"}'
        assert dict(found.attributes) == {"trace_id": "abc", "ünï": "c\u00f6de"}
        assert found.publish_time.utcoffset() is not None
        assert abs(found.publish_time.timestamp() - time.time()) < 60
        assert found.attempt in (None, 1)
        await queue.ack(found)

    @pytest.mark.parametrize("data", [bytes(range(256)), b"\x00", b"x" * 300_000], ids=["binary", "nul", "large"])
    async def test_binary_data_is_untouched(self, open_bus: OpenBus, data: bytes) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        await publisher.publish(topic, data, {})
        [found] = await take(queue, topic)
        assert found.data == data
        await queue.ack(found)

    async def test_attributes_alone_are_a_message(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        await publisher.publish(topic, b"", {"kind": "ping"})
        [found] = await take(queue, topic)
        assert (found.data, dict(found.attributes)) == (b"", {"kind": "ping"})
        await queue.ack(found)

    async def test_empty_subscription_gives_nothing_after_the_wait(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        _, queue = await open_bus(wiring(subscribe(topic)))
        start = time.monotonic()
        assert await queue.pull(topic, 10, 0.5) == []
        assert 0.4 < time.monotonic() - start < 20

    async def test_pull_gives_no_more_than_asked(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        for i in range(5):
            await publisher.publish(topic, str(i).encode(), {})
        first = await queue.pull(topic, 2, 5)
        assert 1 <= len(first) <= 2
        rest = await take(queue, topic, 5 - len(first))
        assert sorted(d.data for d in [*first, *rest]) == [b"0", b"1", b"2", b"3", b"4"]
        await asyncio.gather(*map(queue.ack, [*first, *rest]))

    async def test_acknowledged_message_stays_away(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic, ack_deadline_s=self.deadline_s)))
        await publisher.publish(topic, b"x", {})
        [found] = await take(queue, topic)
        await queue.ack(found)
        assert await queue.pull(topic, 1, self.deadline_s + 3) == []

    async def test_unacknowledged_message_comes_again_after_the_deadline(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic, ack_deadline_s=self.deadline_s)))
        message_id = await publisher.publish(topic, b"x", {})
        start = time.monotonic()  # the lease begins before its message is here
        await take(queue, topic)
        [again] = await take(queue, topic, wait_s=self.deadline_s * 3 + 5)
        assert again.message_id == message_id
        assert time.monotonic() - start > self.deadline_s * 0.8
        await queue.ack(again)

    async def test_refused_message_comes_again_after_growing_backoff(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic, min_backoff_s=0.5, max_backoff_s=60)))
        message_id = await publisher.publish(topic, b"x", {})
        [delivery] = await take(queue, topic)
        pauses = []
        for _ in range(4):
            refused_at = time.monotonic()
            await queue.nack(delivery)
            [delivery] = await take(queue, topic, wait_s=30)
            pauses.append(time.monotonic() - refused_at)
            assert delivery.message_id == message_id
        await queue.ack(delivery)
        assert [pause > 0.8 * 0.5 * 2**n for n, pause in enumerate(pauses)] == [True] * 4, pauses

    async def test_backoff_ends_at_its_maximum(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic, min_backoff_s=0.5, max_backoff_s=1)))
        await publisher.publish(topic, b"x", {})
        for _ in range(6):
            [delivery] = await take(queue, topic)
            await queue.nack(delivery)
        [delivery] = await take(queue, topic, wait_s=10)  # doubled without end, the last pause is of 16 s
        await queue.ack(delivery)

    async def test_refused_message_does_not_hold_up_others(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic, min_backoff_s=30, max_backoff_s=60)))
        await publisher.publish(topic, b"bad", {})
        [bad] = await take(queue, topic)
        await queue.nack(bad)
        await publisher.publish(topic, b"good", {})
        [good] = await take(queue, topic)
        assert good.data == b"good"
        await queue.ack(good)

    async def test_message_goes_to_the_dead_letters_after_its_last_attempt(self, open_bus: OpenBus) -> None:
        topic, dead = unique("topic"), unique("dead-letters")
        publisher, queue = await open_bus(wiring(subscribe(topic, dead_letter_topic=dead), subscribe(dead)))
        await publisher.publish(topic, b"\x00poison", {"trace_id": "abc"})
        for attempt in range(1, ATTEMPTS + 1):
            [delivery] = await take(queue, topic, wait_s=20)
            assert delivery.attempt == attempt
            await queue.nack(delivery)
        # Google's emulator moves a message only while somebody pulls the subscription it leaves.
        async with asyncio.timeout(20):
            while not (letters := await queue.pull(dead, 1, 0.2)):
                assert await queue.pull(topic, 1, 0.2) == []
        [letter] = letters
        assert letter.data == b"\x00poison"
        assert letter.attributes["trace_id"] == "abc"
        assert letter.attributes["CloudPubSubDeadLetterSourceSubscription"] == topic
        assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == str(ATTEMPTS)
        assert letter.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"]
        assert await queue.pull(topic, 1, 1) == []
        await queue.ack(letter)

    async def test_every_subscription_of_a_topic_gets_the_message(self, open_bus: OpenBus) -> None:
        topic, first, second = unique("topic"), unique("first"), unique("second")
        publisher, queue = await open_bus(wiring(subscribe(topic, name=first), subscribe(topic, name=second)))
        message_id = await publisher.publish(topic, b"x", {})
        [a] = await take(queue, first)
        await queue.ack(a)
        [b] = await take(queue, second)
        await queue.ack(b)
        assert (a.message_id, b.message_id) == (message_id, message_id)
        assert (a.subscription, b.subscription) == (first, second)

    async def test_subscriptions_do_not_see_each_other(self, open_bus: OpenBus) -> None:
        left, right = unique("left"), unique("right")
        publisher, queue = await open_bus(wiring(subscribe(left), subscribe(right)))
        await publisher.publish(left, b"left", {})
        assert await queue.pull(right, 10, 1) == []
        [found] = await take(queue, left)
        assert found.data == b"left"
        await queue.ack(found)

    async def test_second_acknowledgement_is_harmless(self, open_bus: OpenBus) -> None:
        topic = unique("topic")
        publisher, queue = await open_bus(wiring(subscribe(topic)))
        await publisher.publish(topic, b"x", {})
        [found] = await take(queue, topic)
        await queue.ack(found)
        await queue.ack(found)
        assert await queue.pull(topic, 1, 1) == []
