"""What every `Queue` promises of messages that are not answered in time.

A subclass named `Test...` supplies the fixture `open_bus`: see `publisher_contract`.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from infra.queue import Delivery, Queue
from tests.contract.publisher_contract import ATTEMPTS, OpenBus, subscribe, take, unique, wiring


class DeadlineContract:
    """A deadline that passes is no end: the message goes on, with the first worker alive or not."""

    deadline_s: ClassVar[int] = 10  # the shortest ack deadline that the bus takes

    async def test_late_answer_of_the_first_worker_is_harmless_and_the_second_one_ends_it(
        self, open_bus: OpenBus
    ) -> None:
        """All three ways at once, for the sake of time."""
        topics = [unique("topic") for _ in range(3)]
        publisher, queue = await open_bus(wiring(*(subscribe(t, ack_deadline_s=self.deadline_s) for t in topics)))

        async def twice(topic: str) -> tuple[Delivery, Delivery]:
            message_id = await publisher.publish(topic, b"x", {})
            [late] = await take(queue, topic)
            [current] = await take(queue, topic, wait_s=self.deadline_s * 3 + 5)
            assert (late.message_id, current.message_id) == (message_id, message_id)
            assert (late.attempt, current.attempt) in ((1, 2), (None, None))
            return late, current

        async def late_acknowledgement_first(topic: str) -> None:
            late, current = await twice(topic)
            await queue.ack(late)
            await queue.ack(current)
            assert await self._comes_again(queue, topic) == []

        async def late_acknowledgement_last(topic: str) -> None:
            late, current = await twice(topic)
            await queue.ack(current)
            await queue.ack(late)
            assert await self._comes_again(queue, topic) == []

        async def late_refusal(topic: str) -> None:
            late, current = await twice(topic)
            await queue.nack(late)
            assert await queue.pull(topic, 1, self.deadline_s / 5) == []  # the second worker has it
            await queue.ack(current)
            assert await self._comes_again(queue, topic) == []

        async with asyncio.TaskGroup() as ways:
            for way, topic in zip(
                (late_acknowledgement_first, late_acknowledgement_last, late_refusal), topics, strict=True
            ):
                ways.create_task(way(topic))

    async def _comes_again(self, queue: Queue, topic: str) -> list[Delivery]:
        return await queue.pull(topic, 1, self.deadline_s + 2)

    async def test_message_that_nobody_answers_goes_to_the_dead_letters(self, open_bus: OpenBus) -> None:
        topic, dead = unique("topic"), unique("dead-letters")
        policy = subscribe(topic, ack_deadline_s=self.deadline_s, dead_letter_topic=dead)
        publisher, queue = await open_bus(wiring(policy, subscribe(dead)))
        await publisher.publish(topic, b"x", {"trace_id": "abc"})
        for attempt in range(1, ATTEMPTS + 1):
            [delivery] = await take(queue, topic, wait_s=20)
            assert delivery.attempt == attempt
            if attempt < ATTEMPTS:  # waiting for every deadline would take minutes
                await queue.nack(delivery)
        # Google's emulator moves a message only while somebody pulls the subscription it leaves.
        async with asyncio.timeout(self.deadline_s * 3 + 5):
            while not (letters := await queue.pull(dead, 1, 0.2)):
                assert await queue.pull(topic, 1, 0.2) == []
        [letter] = letters
        await queue.ack(letter)
        assert (letter.data, letter.attributes["trace_id"]) == (b"x", "abc")
        assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == str(ATTEMPTS)
        await queue.ack(delivery)  # its worker is alive, and late
        assert await queue.pull(topic, 1, 0.5) == await queue.pull(dead, 1, 0.5) == []
