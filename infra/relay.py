"""What Pub/Sub's push does in the cloud: pulls each subscription, posts to its function, acknowledges what it took.

Works on any `Queue`. Subscriptions share nothing but the event loop, so one that is stuck slows no other.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

from infra.queue import Delivery, Queue
from infra.resources import Function, Manifest, Subscription
from shared.logs import log

# function name, headers, body, timeout_s -> HTTP status
Post = Callable[[str, Mapping[str, str], bytes, float], Awaitable[int]]
# the same without HTTP, for a function in this process that can be handed its messages; None: it takes envelopes only
Hand = Callable[[str, Delivery, float], Awaitable[int] | None]

MAX_PULL = 100
PULL_WAIT_S = 30.0
PAUSE_AFTER_ERROR_S = 1.0
ACKNOWLEDGED = {102, 200, 201, 202, 204}  # cloud.google.com/pubsub/docs/push; any other brings the message again
PUSH_HEADERS = {"content-type": "application/json"}


class Relay:
    """One loop per subscription of the manifest, each with at most what one instance of its function takes at once.

    With `hand` a message needs no envelope; events of documents are posted all the same. Where a pull is dear, one that
    was full waits `gather_s` seconds after a message has landed, so that the next pull fills several places.
    """

    def __init__(
        self,
        queue: Queue,
        manifest: Manifest,
        post: Post,
        *,
        hand: Hand | None = None,
        project: str = "switchyard-local",
        gather_s: float = 0.0,
    ) -> None:
        self._new_lane = functools.partial(_Lane, queue, post, hand, project, gather_s)
        self._lanes: dict[str, _Lane] = {}
        self._running: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._is_running = False
        self.rewire(manifest)

    def rewire(self, manifest: Manifest) -> None:
        """Deliver as this manifest says from now on: new subscriptions begin, known ones take their new bounds.

        A subscription that it lacks is served on, by what its function was: its messages are still there.
        """
        for subscription in manifest.subscriptions:
            function = manifest.function(subscription.function)
            if subscription.name in self._lanes:
                self._lanes[subscription.name].rewire(subscription, function)
                continue
            lane = self._lanes[subscription.name] = self._new_lane(subscription, function)
            if self._is_running:
                self._begin(lane)

    async def run(self) -> None:
        """Deliver until `stop`."""
        if self._stop.is_set():
            return
        self._is_running = True
        for lane in self._lanes.values():
            self._begin(lane)
        await self._stop.wait()

    def _begin(self, lane: _Lane) -> None:
        self._running.append(asyncio.create_task(lane.run(), name=f"relay {lane.name}"))

    async def stop(self, grace_s: float) -> None:
        """Pull no more, wait up to `grace_s` seconds for what is in flight, cancel the rest: it will come again."""
        self._is_running = False
        self._stop.set()
        await _cancel(self._running)
        flying = {task for lane in self._lanes.values() for task in lane.flying}
        if flying:
            _, late = await asyncio.wait(flying, timeout=grace_s)
            await _cancel(late)


class _Lane:
    def __init__(
        self,
        queue: Queue,
        post: Post,
        hand: Hand | None,
        project: str,
        gather_s: float,
        subscription: Subscription,
        function: Function,
    ) -> None:
        self.name = subscription.name
        self.flying: set[asyncio.Task[None]] = set()  # what is not acknowledged yet
        self._taken = 0  # places: a function that has answered has room for the next
        self._queue = queue
        self._path = f"projects/{project}/subscriptions/{subscription.name}"
        self._post, self._hand = post, hand
        self._gather_s = gather_s
        self._landed = asyncio.Event()
        self.rewire(subscription, function)

    def rewire(self, subscription: Subscription, function: Function) -> None:
        """Take these bounds from the next message on."""
        self._subscription = subscription
        self._is_event = function.trigger == "document"
        self._function = function.name
        self._most = min(function.max_concurrency, function.max_requests)

    async def run(self) -> None:
        while True:
            if self._taken >= self._most:
                await self._place()
            free = self._most - self._taken
            try:
                deliveries = await self._queue.pull(self.name, min(free, MAX_PULL), PULL_WAIT_S)
            except Exception as error:
                self._log("pull failed", error)
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)
                continue
            for delivery in deliveries:
                task = asyncio.create_task(self._deliver(delivery))
                self._taken += 1
                self.flying.add(task)
                task.add_done_callback(self.flying.discard)

    async def _place(self) -> None:
        while self._taken >= self._most:
            self._landed.clear()
            await self._landed.wait()
        if self._gather_s and self._most > 1:
            await asyncio.sleep(self._gather_s)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            settle = self._queue.ack if await self._push(delivery) else self._queue.nack
        finally:
            self._taken -= 1
            self._landed.set()
        try:
            await settle(delivery)
        except Exception as error:  # it comes again after its deadline
            self._log("acknowledging failed", error)

    async def _push(self, delivery: Delivery) -> bool:
        """Return whether the function took it."""
        deadline_s = self._subscription.ack_deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                status = await self._sent(delivery, deadline_s)
        except Exception as error:
            self._log("push failed", error)
            return False
        return status in ACKNOWLEDGED

    async def _sent(self, delivery: Delivery, deadline_s: float) -> int:
        if self._is_event:
            return await self._post(self._function, delivery.attributes, delivery.data, deadline_s)
        if not self._subscription.dead_letter_topic:  # as in Pub/Sub
            delivery = replace(delivery, attempt=None)
        if self._hand and (status := self._hand(self._function, delivery, deadline_s)):
            return await status
        return await self._post(self._function, PUSH_HEADERS, self._envelope(delivery), deadline_s)

    def _envelope(self, delivery: Delivery) -> bytes:
        """Return Pub/Sub's push body, both spellings of its fields included."""
        published = delivery.publish_time.isoformat(timespec="microseconds").replace("+00:00", "Z")
        envelope: dict[str, object] = {
            "message": {
                "data": base64.b64encode(delivery.data).decode("ascii"),
                "attributes": dict(delivery.attributes),
                "messageId": delivery.message_id,
                "message_id": delivery.message_id,
                "publishTime": published,
                "publish_time": published,
            },
            "subscription": self._path,
        }
        if delivery.attempt is not None:
            envelope["deliveryAttempt"] = delivery.attempt
        return json.dumps(envelope).encode()

    def _log(self, what: str, error: Exception) -> None:
        log("WARNING", what, function=self._function, subscription=self.name, error_type=type(error).__name__)


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
