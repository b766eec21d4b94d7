"""Topics and subscriptions in memory with Pub/Sub's semantics, on the running loop's clock."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextvars import Context
from datetime import datetime
from typing import Any

from infra.embedded.bus import backoff_s
from infra.queue import Delivery
from infra.resources import Manifest, Subscription
from shared.errors import PublishFailed
from tests.simulation.trouble import Calm


class Message:
    """One message in one subscription."""

    __slots__ = ("attempts", "attributes", "data", "id", "open", "pointer", "policy", "published_at", "settled")

    def __init__(
        self, id: str, policy: Subscription, data: Any, attributes: Mapping[str, str], published_at: datetime
    ) -> None:
        self.id, self.policy, self.data, self.attributes, self.published_at = id, policy, data, attributes, published_at
        self.attempts = 0
        self.open: set[int] = set()  # attempts that were neither acknowledged nor refused
        self.settled = False
        self.pointer: tuple[str, int] | None = None  # which task it is of, once somebody has looked


class SimulatedBus:
    """`Publisher` of `shared.wiring.ports`; whoever subscribes is called with each message that is due, and leases it.

    `published(topic, data)` is called in the moment of each publish, `buried(message, letter_id)` of each dead letter.
    """

    def __init__(
        self,
        manifest: Manifest,
        trouble: Calm,
        clock: Callable[[], datetime],
        offer: Callable[[Message], None],
        *,
        published: Callable[[str, Any], None] = lambda *_: None,
        buried: Callable[[Message, str], None] = lambda *_: None,
    ) -> None:
        self._trouble, self._clock, self._offer = trouble, clock, offer
        self._published, self._buried = published, buried
        self._subscriptions: dict[str, list[Subscription]] = {topic: [] for topic in manifest.topics}
        for subscription in manifest.subscriptions:
            self._subscriptions.setdefault(subscription.topic, []).append(subscription)
        self._ids = itertools.count(1)

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        if topic not in self._subscriptions:
            raise PublishFailed(f"there is no topic {topic!r}", code="topic_missing")
        fails = self._trouble.publish_fails()
        message_id = self.put(topic, data, attributes) if fails != "lost" else ""
        await self._trouble.hop()
        if fails:
            raise PublishFailed("no acknowledgement")
        return message_id

    async def close(self) -> None:
        return None

    def put(self, topic: str, data: Any, attributes: Mapping[str, str]) -> str:
        """Publish without travelling."""
        message_id = str(next(self._ids))
        self._published(topic, data)
        for policy in self._subscriptions[topic]:
            message = Message(message_id, policy, data, attributes, self._clock())
            for delay_s in self._trouble.deliveries(policy.name):
                self._offer_in(delay_s, message)
        return message_id

    def lease(self, message: Message) -> int:
        """Hand a message out and return the number of the attempt; whoever gets it calls `overdue` at its deadline."""
        message.attempts += 1
        message.open.add(message.attempts)
        return message.attempts

    def ack(self, message: Message, attempt: int) -> None:
        """Never offer the message again."""
        if not self._trouble.ack_is_lost():
            message.settled = True
            message.open.clear()

    def nack(self, message: Message, attempt: int) -> None:
        """Offer the message again after its backoff, or bury it after its last attempt."""
        if self._closes(message, attempt) and not self._is_buried(message, attempt):
            self._offer_in(backoff_s(message.policy, attempt), message)

    def overdue(self, message: Message, attempt: int) -> None:
        """Offer the message again if the attempt is still open."""
        if self._closes(message, attempt) and not self._is_buried(message, attempt):
            self._offer(message)

    def _closes(self, message: Message, attempt: int) -> bool:
        if message.settled or attempt not in message.open:
            return False
        message.open.remove(attempt)
        return True

    def _is_buried(self, message: Message, attempt: int) -> bool:
        policy = message.policy
        if policy.dead_letter_topic is None:
            return False
        early = self._trouble.buries()
        if attempt < policy.max_delivery_attempts and not early:
            return False
        message.settled = early != "both"
        source = {
            "CloudPubSubDeadLetterSourceSubscription": policy.name,
            "CloudPubSubDeadLetterSourceDeliveryCount": str(attempt),
            "CloudPubSubDeadLetterSourceTopicPublishTime": message.published_at.isoformat(),
        }
        letter_id = self.put(policy.dead_letter_topic, message.data, dict(message.attributes) | source)
        self._buried(message, letter_id)
        return message.settled

    def _offer_in(self, delay_s: float, message: Message) -> None:
        # A context of its own: the message outlives the instance that published it.
        asyncio.get_running_loop().call_later(delay_s, self._offer, message, context=Context())


class PulledBus:
    """`Queue` of `infra.queue` over the same messages: how the contract suite of queues looks at the bus."""

    def __init__(self, manifest: Manifest, clock: Callable[[], datetime], trouble: Calm | None = None) -> None:
        self.publisher = SimulatedBus(manifest, trouble or Calm(), clock, self._put)
        self._waiting: dict[str, list[Message]] = defaultdict(list)
        self._arrived = asyncio.Event()

    async def pull(self, subscription: str, max_messages: int, wait_s: float) -> list[Delivery]:
        waiting = self._waiting[subscription]
        try:
            async with asyncio.timeout(wait_s):
                while not waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return []
        taken, waiting[:] = waiting[:max_messages], waiting[max_messages:]
        return [self._delivery(m, self._leased(m)) for m in taken]

    def _leased(self, message: Message) -> int:
        attempt = self.publisher.lease(message)
        deadline_s = message.policy.ack_deadline_s
        asyncio.get_running_loop().call_later(deadline_s, self.publisher.overdue, message, attempt, context=Context())
        return attempt

    async def ack(self, delivery: Delivery) -> None:
        self.publisher.ack(*delivery.token)

    async def nack(self, delivery: Delivery) -> None:
        self.publisher.nack(*delivery.token)

    async def close(self) -> None:
        return None

    def _put(self, message: Message) -> None:
        if not message.settled:
            self._waiting[message.policy.name].append(message)
            self._arrived.set()

    def _delivery(self, message: Message, attempt: int) -> Delivery:
        return Delivery(
            message.policy.name,
            message.id,
            message.data,
            message.attributes,
            message.published_at,
            attempt,
            token=(message, attempt),
        )
