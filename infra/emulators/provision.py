"""Creates a manifest's topics and subscriptions in the Pub/Sub emulator, as pull subscriptions."""

from __future__ import annotations

from typing import Any

from infra.emulators.queue import CALL_TIMEOUT_S, build_subscriber
from infra.errors import StackError
from infra.resources import Manifest, Subscription
from shared.wiring.adapters import grpc_status
from shared.wiring.adapters.pubsub import build_publisher


async def provision(manifest: Manifest, project: str, prefix: str = "") -> None:
    """Create what is not there yet; what is there is left as it is.

    Raises:
        StackError: the emulator refuses a name or a policy, or cannot be reached.
    """
    publisher, subscriber = build_publisher(), build_subscriber()
    try:
        for topic in manifest.topics:
            await _create(publisher.create_topic, {"name": f"projects/{project}/topics/{prefix}{topic}"})
        for subscription in manifest.subscriptions:
            await _create(subscriber.create_subscription, _request(subscription, project, prefix))
    finally:
        await publisher.transport.close()
        await subscriber.transport.close()


async def _create(call: Any, request: dict[str, Any]) -> None:
    try:
        await call(request=request, retry=None, timeout=CALL_TIMEOUT_S)
    except Exception as error:
        status = grpc_status(error)
        if status != "ALREADY_EXISTS":
            raise StackError(f"Pub/Sub refused to create {request['name']}: {status or error!r}") from error


def _request(subscription: Subscription, project: str, prefix: str) -> dict[str, Any]:
    """Return what creates it, without its retry policy: under one the emulator (0.8.20) loses refused messages for good
    once a connection with a waiting pull has broken. The queue makes the pauses instead."""
    topics = f"projects/{project}/topics/{prefix}"
    request: dict[str, Any] = {
        "name": f"projects/{project}/subscriptions/{prefix}{subscription.name}",
        "topic": topics + subscription.topic,
        "ack_deadline_seconds": subscription.ack_deadline_s,
    }
    if subscription.dead_letter_topic is not None:
        request["dead_letter_policy"] = {
            "dead_letter_topic": topics + subscription.dead_letter_topic,
            "max_delivery_attempts": subscription.max_delivery_attempts,
        }
    return request
