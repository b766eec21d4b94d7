"""Spans of several processes on Google's emulators, and beside them those of Google's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PublisherOptions, SubscriberOptions
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from infra.emulators.process import free_port
from infra.emulators.stack import Stack
from shared import tracing
from shared.wiring.adapters.pubsub import PubsubPublisher
from shared.wiring.traced import TracedPublisher
from tests.contract.traces_contract import refunds, settings, two_tasks_are_traced, vendors
from tests.spans import Kept, traced

WAIT_S = 20.0


async def test_two_tasks_are_traced_from_their_source_to_their_result(sdk: Path, tmp_path: Path) -> None:
    with vendors(tmp_path):
        known = settings("emulators", tmp_path, intake_port=free_port(), console_port=free_port())
        async with Stack(known, manifest=refunds(), logs=tmp_path / "logs") as stack:
            await two_tasks_are_traced(stack.intake_url, stack.console_url)


async def test_spans_of_googles_client_join_ours_on_both_sides(emulator_hosts: Mapping[str, str], project: str) -> None:
    google = Kept()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(google))
    trace.set_tracer_provider(provider)  # where Google's client looks for one; it can be set once per process
    topic, name = f"projects/{project}/topics/work", f"projects/{project}/subscriptions/s-{uuid4().hex[:6]}"
    publisher = PublisherClient(publisher_options=PublisherOptions(enable_open_telemetry_tracing=True))
    subscriber = SubscriberClient(subscriber_options=SubscriberOptions(enable_open_telemetry_tracing=True))
    publisher.create_topic(request={"name": topic})
    subscriber.create_subscription(request={"name": name, "topic": topic})
    came: asyncio.Queue[Any] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def receive(message: Any) -> None:
        message.ack()
        loop.call_soon_threadsafe(came.put_nowait, dict(message.attributes))

    pulling = subscriber.subscribe(name, callback=receive)
    try:
        await asyncio.to_thread(publisher.publish(topic, b"theirs").result, WAIT_S)
        attributes = await asyncio.wait_for(came.get(), WAIT_S)
        created = google.one("work create").context
        with traced() as kept:
            with tracing.entered("intake-events", attributes[tracing.MESSAGE_CONTEXT], kind="consumer"):
                ours = PubsubPublisher(project)
                await TracedPublisher(ours).publish("work", b"ours", {})
            await ours.close()
        await asyncio.wait_for(came.get(), WAIT_S)
    finally:
        pulling.cancel()
        await asyncio.to_thread(pulling.result)
        subscriber.close()
    entered, published = kept.one("intake-events"), kept.one("publish work").context
    assert entered.parent is not None
    assert (entered.parent.trace_id, entered.parent.span_id) == (created.trace_id, created.span_id)
    received = [span for span in google.get_finished_spans() if span.name.endswith(" subscribe")]
    assert published.span_id in {span.parent.span_id for span in received if span.parent}
