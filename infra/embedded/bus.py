"""Topics and subscriptions in SQLite with Pub/Sub's semantics: fan-out at publish, leases, backoff, dead letters."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace

from infra.embedded.connections import Row
from infra.embedded.database import Database, Transaction
from infra.embedded.encoding import from_us, to_rfc3339
from infra.manifest import ACK_MARGIN_S
from infra.queue import Delivery
from infra.resources import Manifest, Subscription
from shared.errors import PublishFailed, Retry

DOCUMENT_EVENTS = "document-events"
LONGEST_WAIT_US = 600 * 1_000_000  # of a lease or a backoff, as in Pub/Sub
KEPT_MESSAGES = 10_000  # of a topic without subscription
_ENQUEUE = """INSERT INTO queue (id, subscription, due_at_us, message_id, published_at_us, attributes, data)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_DUE = """SELECT id, message_id, data, attributes, published_at_us, attempts FROM queue
    WHERE subscription = ? AND due_at_us <= ? ORDER BY due_at_us, id LIMIT ?"""


def with_document_events(manifest: Manifest) -> Manifest:
    """Return the manifest with a subscription for each function that a document change triggers, as Eventarc has."""
    events = [
        Subscription(DOCUMENT_EVENTS, DOCUMENT_EVENTS, f.name, f.timeout_s + ACK_MARGIN_S, 1, 600, 100, None)
        for f in manifest.functions
        if f.trigger == "document"
    ]
    return replace(manifest, subscriptions=(*manifest.subscriptions, *events))


def enqueue(
    transaction: Transaction, subscription: str, message_id: str, at_us: int, data: bytes, attributes: Mapping[str, str]
) -> None:
    """Put a message, published at `at_us`, into one subscription; whoever waits for it wakes at the commit."""
    text = json.dumps(dict(attributes))
    transaction.execute(_ENQUEUE, (transaction.tick(), subscription, at_us, message_id, at_us, text, data))
    transaction.wake(subscription)


class _Topics:
    """The manifest's wiring: what a publish to a topic puts where."""

    def __init__(self, manifest: Manifest) -> None:
        self._subscribers: dict[str, list[str]] = {topic: [] for topic in manifest.topics}
        for subscription in manifest.subscriptions:
            self._subscribers.setdefault(subscription.topic, []).append(subscription.name)

    def __contains__(self, topic: str) -> bool:
        return topic in self._subscribers

    def publish(self, transaction: Transaction, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        message_id, now = str(transaction.tick()), transaction.now_us()
        for subscription in self._subscribers[topic]:
            enqueue(transaction, subscription, message_id, now, data, attributes)
        if not self._subscribers[topic]:
            _keep(transaction, topic, message_id, now, data, attributes)
        return message_id


def _keep(
    transaction: Transaction, topic: str, message_id: str, now: int, data: bytes, attributes: Mapping[str, str]
) -> None:
    last = transaction.execute("SELECT max(seq) FROM unsubscribed WHERE topic = ?", (topic,)).fetchone()[0]
    seq = (last or 0) + 1
    row = (topic, seq, message_id, now, json.dumps(dict(attributes)), data)
    transaction.execute("INSERT INTO unsubscribed VALUES (?, ?, ?, ?, ?, ?)", row)
    transaction.execute("DELETE FROM unsubscribed WHERE topic = ? AND seq <= ?", (topic, seq - KEPT_MESSAGES))


class EmbeddedPublisher:
    """`Publisher` of `shared.wiring.ports`: a message is acknowledged once it is on disk."""

    def __init__(self, database: Database, manifest: Manifest) -> None:
        self._database = database
        self.rewire(manifest)

    def rewire(self, manifest: Manifest) -> None:
        """Publish as this manifest says from now on."""
        self._topics = _Topics(manifest)

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        if topic not in self._topics:
            raise PublishFailed(f"there is no topic {topic!r}", code="topic_missing")
        try:
            return await self._database.write(lambda t: self._topics.publish(t, topic, data, attributes))
        except Retry as error:
            raise PublishFailed(f"topic {topic!r}: {error.message}") from error

    async def close(self) -> None:
        """Nothing: whoever opened the database closes it."""


class EmbeddedQueue:
    """`Queue` of `infra.queue`. A lease that ran out is offered again at once: its deadline was the wait."""

    def __init__(
        self, database: Database, manifest: Manifest, *, project: str = "switchyard-local", number: int = 0
    ) -> None:
        """`number`: of this process among those that pull; it is written down with each lease."""
        self._database = database
        self._now_us = database.clock.now_us
        self._project = project
        self._holder = number + 1
        self.rewire(manifest)

    def rewire(self, manifest: Manifest) -> None:
        """Pull as this manifest says from now on; it has to hold every subscription that somebody still pulls."""
        self._subscriptions = {s.name: s for s in manifest.subscriptions}
        self._topics = _Topics(manifest)

    async def pull(self, subscription: str, max_messages: int, wait_s: float) -> list[Delivery]:
        policy = self._subscriptions[subscription]
        published = self._database.channel(subscription)
        until = time.monotonic() + wait_s
        while True:
            published.clear()
            due_in_s = self._due_in_s(subscription)
            # A lease lost in a power cut only means one delivery more, so it need not wait for the disk.
            if due_in_s <= 0 and (
                found := await self._database.write(lambda t: self._lease(t, policy, max_messages), durable=False)
            ):
                return found
            left_s = until - time.monotonic()
            if left_s <= 0:
                return []
            if due_in_s > 0:
                await _wait(published, min(left_s, due_in_s))

    async def ack(self, delivery: Delivery) -> None:
        row_id, _ = delivery.token
        await self._database.write(lambda t: t.execute("DELETE FROM queue WHERE id = ?", (row_id,)), durable=False)

    async def nack(self, delivery: Delivery) -> None:
        await self._database.write(lambda t: self._refuse(t, delivery), durable=False)

    async def close(self) -> None:
        """Nothing: whoever opened the database closes it."""

    async def release_leases(self, *, all_of_them: bool = True) -> None:
        """Offer everything again that was out when the processes ended, or when the one of this number did."""
        held = "leased > 0" if all_of_them else "leased = ?"
        values = (self._now_us(),) if all_of_them else (self._now_us(), self._holder)
        sql = f"UPDATE queue SET leased = 0, due_at_us = ? WHERE {held}"  # noqa: S608
        await self._database.write(lambda t: t.execute(sql, values), durable=False)

    async def pull_forward(self) -> None:
        """Offer now what is due later than any lease or backoff lasts: the clock was ahead when that was written."""
        now = self._now_us()
        rows = [(now, name, now + LONGEST_WAIT_US) for name in self._subscriptions]
        sql = "UPDATE queue SET leased = 0, due_at_us = ? WHERE subscription = ? AND due_at_us > ?"

        def write(transaction: Transaction) -> None:
            if transaction.executemany(sql, rows).rowcount:
                for name in self._subscriptions:
                    transaction.wake(name)

        await self._database.write(write, durable=False)

    def _due_in_s(self, subscription: str) -> float:
        [(due_at_us,)] = self._database.read("SELECT min(due_at_us) FROM queue WHERE subscription = ?", (subscription,))
        return float("inf") if due_at_us is None else (due_at_us - self._now_us()) / 1e6

    def _lease(self, transaction: Transaction, policy: Subscription, max_messages: int) -> list[Delivery]:
        now = self._now_us()
        deadline = now + int(policy.ack_deadline_s * 1e6)
        rows = transaction.execute(_DUE, (policy.name, now, max_messages)).fetchall()
        found = []
        for row in rows:
            if policy.dead_letter_topic and row[5] >= policy.max_delivery_attempts:
                self._bury(transaction, policy, row)
            else:
                found.append(_delivery(policy, row))
        transaction.executemany(
            "UPDATE queue SET leased = ?, attempts = ?, due_at_us = ? WHERE id = ?",
            [(self._holder, attempt, deadline, row_id) for row_id, attempt in (d.token for d in found)],
        )
        return found

    def _refuse(self, transaction: Transaction, delivery: Delivery) -> None:
        row_id, attempt = delivery.token
        policy = self._subscriptions[delivery.subscription]
        row = transaction.execute(
            "SELECT id, message_id, data, attributes, published_at_us, attempts FROM queue"
            " WHERE id = ? AND attempts = ? AND leased > 0",
            (row_id, attempt),
        ).fetchone()
        if row is None:  # acknowledged, or out again after its deadline
            return
        if policy.dead_letter_topic and attempt >= policy.max_delivery_attempts:
            self._bury(transaction, policy, row)
            return
        due_at_us = self._now_us() + int(backoff_s(policy, attempt) * 1e6)
        transaction.execute("UPDATE queue SET leased = 0, due_at_us = ? WHERE id = ?", (due_at_us, row_id))
        transaction.wake(policy.name)

    def _bury(self, transaction: Transaction, policy: Subscription, row: Row) -> None:
        assert policy.dead_letter_topic is not None
        row_id, _, data, attributes, published_at_us, attempts = row
        source = {
            "CloudPubSubDeadLetterSourceSubscription": policy.name,
            "CloudPubSubDeadLetterSourceSubscriptionProject": self._project,
            "CloudPubSubDeadLetterSourceDeliveryCount": str(attempts),
            "CloudPubSubDeadLetterSourceTopicPublishTime": to_rfc3339(published_at_us),
        }
        transaction.execute("DELETE FROM queue WHERE id = ?", (row_id,))
        self._topics.publish(transaction, policy.dead_letter_topic, data, json.loads(attributes) | source)


def backoff_s(policy: Subscription, attempt: int) -> float:
    """Return the pause after the `attempt`th refusal, in seconds: doubling, within the policy's bounds."""
    return float(min(policy.max_backoff_s, policy.min_backoff_s * 2 ** min(attempt - 1, 32)))


def _delivery(policy: Subscription, row: Row) -> Delivery:
    row_id, message_id, data, attributes, published_at_us, attempts = row
    return Delivery(
        subscription=policy.name,
        message_id=message_id,
        data=data,
        attributes=json.loads(attributes),
        publish_time=from_us(published_at_us),
        attempt=attempts + 1,
        token=(row_id, attempts + 1),
    )


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
