"""The relay is to functions what Pub/Sub's push is in the cloud, on a real queue."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue
from infra.embedded.database import Database
from infra.queue import Delivery, Queue
from infra.relay import Relay
from shared.errors import StoreUnavailable
from shared.serving.push import parse
from tests.contract.relaying import (
    ONE,
    Functions,
    answering,
    function,
    manifest,
    relaying,
    subscription,
    until_empty,
    waiting,
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


async def test_function_gets_the_envelope_that_pubsub_sends(database: Database) -> None:
    functions = answering(204)
    message_id = await EmbeddedPublisher(database, ONE).publish("work", b"\x00{}", {"trace_id": "abc"})
    async with relaying(EmbeddedQueue(database, ONE), ONE, functions.post):
        await functions.wait_for(1)
    [(name, headers, body)] = functions.requests
    envelope = json.loads(body)
    assert (name, headers) == ("work", {"content-type": "application/json"})
    assert envelope.keys() == {"message", "subscription"}
    assert envelope["subscription"] == "projects/p1/subscriptions/work"
    message = envelope["message"]
    assert message["messageId"] == message["message_id"] == message_id
    assert message["publishTime"] == message["publish_time"]
    assert base64.b64decode(message["data"]) == b"\x00{}"
    delivery = parse(body)
    assert (delivery.message_id, delivery.attributes, delivery.subscription) == (
        message_id,
        {"trace_id": "abc"},
        "work",
    )


async def test_attempt_is_told_where_a_dead_letter_policy_exists(database: Database) -> None:
    wiring = manifest((function("work"), subscription("work", dead_letter_topic="work")))
    functions = answering(503, 503, 204)
    await EmbeddedPublisher(database, wiring).publish("work", b"", {})
    async with relaying(EmbeddedQueue(database, wiring), wiring, functions.post):
        await functions.wait_for(3)
    assert [json.loads(body)["deliveryAttempt"] for _, _, body in functions.requests] == [1, 2, 3]


async def test_document_event_is_posted_as_the_cloudevent_it_is(database: Database) -> None:
    wiring = manifest((function("resume", trigger="document"), subscription("resume")))
    functions = answering(200)
    headers = {"content-type": "application/protobuf", "ce-id": "1"}
    await EmbeddedPublisher(database, wiring).publish("resume", b"\x0a\xff", headers)
    async with relaying(EmbeddedQueue(database, wiring), wiring, functions.post):
        await functions.wait_for(1)
    assert functions.requests == [("resume", headers, b"\x0a\xff")]


@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
async def test_status_that_acknowledges_in_the_cloud_does(database: Database, status: int) -> None:
    functions = answering(status)
    await EmbeddedPublisher(database, ONE).publish("work", b"", {})
    async with relaying(EmbeddedQueue(database, ONE), ONE, functions.post):
        await until_empty(database)
    assert len(functions.requests) == 1


@pytest.mark.parametrize("status", [100, 203, 205, 206, 299, 302, 400, 404, 429, 500, 503])
async def test_any_other_status_brings_the_message_again(database: Database, status: int) -> None:
    functions = answering(status, 204)
    await EmbeddedPublisher(database, ONE).publish("work", b"", {})
    async with relaying(EmbeddedQueue(database, ONE), ONE, functions.post):
        await until_empty(database)
    assert len(functions.requests) == 2


async def test_function_that_crashes_gets_the_message_again(database: Database) -> None:
    async def answer(name: str, body: bytes) -> int:
        if len(functions.requests) == 1:
            raise ConnectionResetError
        return 204

    functions = Functions(answer)
    await EmbeddedPublisher(database, ONE).publish("work", b"", {})
    async with relaying(EmbeddedQueue(database, ONE), ONE, functions.post):
        await until_empty(database)
    assert len(functions.requests) == 2


async def test_function_that_hangs_is_left_at_the_ack_deadline(database: Database) -> None:
    async def answer(name: str, body: bytes) -> int:
        if len(functions.requests) == 1:
            await asyncio.sleep(3600)
        return 204

    functions = Functions(answer)
    wiring = manifest((function("work", max_concurrency=1), subscription("work", ack_deadline_s=1)))
    await EmbeddedPublisher(database, wiring).publish("work", b"", {})
    async with relaying(EmbeddedQueue(database, wiring), wiring, functions.post):
        await until_empty(database)
    assert len(functions.requests) == 2


async def test_concurrency_reaches_its_limit_and_never_exceeds_it(database: Database) -> None:
    flying, most = 0, 0

    async def answer(name: str, body: bytes) -> int:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.01)
        flying -= 1
        return 204

    functions = Functions(answer)
    wiring = manifest((function("work", max_concurrency=7), subscription("work")))
    publisher = EmbeddedPublisher(database, wiring)
    await asyncio.gather(*(publisher.publish("work", b"", {}) for _ in range(60)))
    async with relaying(EmbeddedQueue(database, wiring), wiring, functions.post):
        await until_empty(database)
    assert (len(functions.requests), most) == (60, 7)


async def test_place_is_free_once_the_function_has_answered_and_not_only_when_that_is_written(
    database: Database,
) -> None:
    class Slow(EmbeddedQueue):
        async def ack(self, delivery: Delivery) -> None:
            await acknowledging.wait()
            await super().ack(delivery)

    acknowledging, functions = asyncio.Event(), answering(200)
    one_at_once = manifest((function("work", max_concurrency=1), subscription("work")))
    for _ in range(3):
        await EmbeddedPublisher(database, one_at_once).publish("work", b"x", {})
    async with relaying(Slow(database, one_at_once), one_at_once, functions.post):
        await functions.wait_for(3)
        assert waiting(database) == 3
        acknowledging.set()
        await until_empty(database)


async def test_stuck_subscription_slows_no_other(database: Database) -> None:
    async def answer(name: str, body: bytes) -> int:
        if name == "stuck":
            await asyncio.sleep(3600)
        return 204

    functions = Functions(answer)
    wiring = manifest(
        (function("stuck", max_concurrency=2), subscription("stuck")), (function("work"), subscription("work"))
    )
    publisher = EmbeddedPublisher(database, wiring)
    await asyncio.gather(*(publisher.publish(topic, b"", {}) for topic in ["stuck", "work"] for _ in range(20)))
    async with relaying(EmbeddedQueue(database, wiring), wiring, functions.post, grace_s=0):
        await functions.wait_for(22)
    assert [name for name, _, _ in functions.requests].count("work") == 20


class FailingQueue:
    """Stands for a bus with trouble: `pull` of one subscription always fails, the first `ack` does too."""

    def __init__(self, queue: Queue, failing: str) -> None:
        self._queue = queue
        self._failing = failing
        self.refused_acks = 0

    async def pull(self, subscription: str, max_messages: int, wait_s: float) -> list[Delivery]:
        if subscription == self._failing:
            raise StoreUnavailable("on purpose")
        return await self._queue.pull(subscription, max_messages, wait_s)

    async def ack(self, delivery: Delivery) -> None:
        if not self.refused_acks:
            self.refused_acks += 1
            raise StoreUnavailable("on purpose")
        await self._queue.ack(delivery)

    async def nack(self, delivery: Delivery) -> None:
        await self._queue.nack(delivery)

    async def close(self) -> None:
        await self._queue.close()


async def test_failing_subscription_slows_no_other_and_lost_acknowledgement_redelivers(database: Database) -> None:
    functions = answering(204)
    wiring = manifest(
        (function("broken"), subscription("broken")), (function("work"), subscription("work", ack_deadline_s=1))
    )
    await EmbeddedPublisher(database, wiring).publish("work", b"", {})
    queue = FailingQueue(EmbeddedQueue(database, wiring), "broken")
    async with relaying(queue, wiring, functions.post):
        await until_empty(database)
    assert (len(functions.requests), queue.refused_acks) == (2, 1)


async def test_stop_lets_what_is_in_flight_finish(database: Database) -> None:
    async def answer(name: str, body: bytes) -> int:
        await asyncio.sleep(0.3)
        return 204

    functions = Functions(answer)
    await EmbeddedPublisher(database, ONE).publish("work", b"", {})
    async with relaying(EmbeddedQueue(database, ONE), ONE, functions.post):
        await functions.wait_for(1)
    assert waiting(database) == 0


async def test_stop_ends_what_outlasts_the_grace_and_keeps_its_message(database: Database) -> None:
    ended: list[str] = []

    async def answer(name: str, body: bytes) -> int:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(name)
        return 204

    functions = Functions(answer)
    await EmbeddedPublisher(database, ONE).publish("work", b"", {})
    async with asyncio.timeout(5), relaying(EmbeddedQueue(database, ONE), ONE, functions.post, grace_s=0.1):
        await functions.wait_for(1)
    assert ended == ["work"]
    assert waiting(database) == 1


async def test_stop_before_run_is_heeded(database: Database) -> None:
    relay = Relay(EmbeddedQueue(database, ONE), ONE, answering(204).post)
    await relay.stop(0)
    async with asyncio.timeout(5):
        await relay.run()


async def test_rewired_relay_serves_a_new_subscription_and_goes_on_with_one_that_is_gone(database: Database) -> None:
    other = manifest((function("other"), subscription("other")))
    both = manifest((function("work"), subscription("work")), (function("other"), subscription("other")))
    functions, queue = answering(204), EmbeddedQueue(database, ONE)
    async with relaying(queue, ONE, functions.post) as relay:
        queue.rewire(both)
        relay.rewire(other)
        publisher = EmbeddedPublisher(database, ONE)
        publisher.rewire(both)
        await publisher.publish("work", b"", {})
        await publisher.publish("other", b"", {})
        await functions.wait_for(2)
        await until_empty(database)
    assert sorted(name for name, _, _ in functions.requests) == ["other", "work"]


async def test_rewired_subscription_takes_its_new_bound(database: Database) -> None:
    let_go = asyncio.Event()

    async def answer(name: str, body: bytes) -> int:
        await let_go.wait()
        return 204

    functions, queue = Functions(answer), EmbeddedQueue(database, ONE)
    one_at_a_time = manifest((function("work", max_concurrency=1), subscription("work")))
    async with relaying(queue, one_at_a_time, functions.post) as relay:
        relay.rewire(manifest((function("work", max_concurrency=3), subscription("work"))))
        for _ in range(5):
            await EmbeddedPublisher(database, ONE).publish("work", b"", {})
        await functions.wait_for(3)
        await asyncio.sleep(0.1)
        assert len(functions.requests) == 3
        let_go.set()
        await until_empty(database)


async def test_function_that_can_be_handed_its_messages_gets_no_envelope(database: Database) -> None:
    handed: list[Delivery] = []

    async def take(delivery: Delivery) -> int:
        handed.append(delivery)
        return 503 if len(handed) == 1 else 204

    both = manifest((function("here"), subscription("here")), (function("work"), subscription("work")))
    functions = answering(204)
    relay = Relay(
        EmbeddedQueue(database, both), both, functions.post, hand=lambda name, d, _: take(d) if name == "here" else None
    )
    publisher = EmbeddedPublisher(database, both)
    message_id = await publisher.publish("here", b"{}", {"trace_id": "abc"})
    await publisher.publish("work", b"{}", {})
    running = asyncio.create_task(relay.run())
    try:
        await until_empty(database)
    finally:
        await relay.stop(5)
        async with asyncio.timeout(5):
            await running
    assert [(d.message_id, d.data, d.attempt) for d in handed] == [(message_id, b"{}", None)] * 2
    assert [name for name, _, _ in functions.requests] == ["work"]
