"""The least code on the same Pub/Sub and Firestore: a topic for tickets, one for decisions, one document at the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore, pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler
from google.cloud.pubsub_v1.types import FlowControl
from routing import CALLS, act, ask, gemini, shop

PROJECT = "least-code"
TOPICS = {name: f"projects/{PROJECT}/topics/{name}" for name in ("tickets", "decisions")}
SUBSCRIPTIONS = {name: f"projects/{PROJECT}/subscriptions/{name}" for name in TOPICS}
EXECUTIONS = 20
publisher = pubsub_v1.PublisherClient()


def provision() -> None:
    """Make the topics and subscriptions that are missing."""
    with pubsub_v1.SubscriberClient() as subscriber:
        for name, topic in TOPICS.items():
            with suppress(AlreadyExists):
                publisher.create_topic(name=topic)
            with suppress(AlreadyExists):
                subscriber.create_subscription(name=SUBSCRIPTIONS[name], topic=topic)


@asynccontextmanager
async def provisioned(_: FastAPI) -> AsyncIterator[None]:
    provision()
    yield


web = FastAPI(lifespan=provisioned)


@web.post("/", status_code=202)
async def accept(ticket: dict[str, Any]) -> dict[str, str]:
    await asyncio.wrap_future(publisher.publish(TOPICS["tickets"], json.dumps(ticket).encode()))
    return {"task_id": ticket["task_id"]}


def work() -> None:
    """Classify and execute what comes, until stopped."""
    provision()
    subscriber, documents, model, orders = pubsub_v1.SubscriberClient(), firestore.Client(PROJECT), gemini(), shop()

    def classify(message: Message) -> None:
        ticket = json.loads(message.data)
        decided = {"ticket": ticket, "order_id": ask(model, ticket)}
        publisher.publish(TOPICS["decisions"], json.dumps(decided).encode()).result()
        message.ack()

    def execute(message: Message) -> None:
        decided = json.loads(message.data)
        ticket, order_id = decided["ticket"], decided["order_id"]
        done = act(orders, ticket, order_id) if order_id else "for people"
        documents.document("tasks", ticket["task_id"]).set({**ticket, "done": done})
        message.ack()

    streams = [
        subscriber.subscribe(
            SUBSCRIPTIONS[name],
            callback,
            flow_control=FlowControl(max_messages=limit),
            scheduler=ThreadScheduler(ThreadPoolExecutor(limit)),
        )
        for name, callback, limit in (("tickets", classify, CALLS), ("decisions", execute, EXECUTIONS))
    ]
    for stream in streams:
        stream.result()


if __name__ == "__main__":
    work()
