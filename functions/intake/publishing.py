"""A task, a body that nobody can read, or counts of what asks nothing, in; acknowledged by the bus out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared import tracing
from shared.errors import PublishFailed
from shared.logs import log
from shared.records.ignored import told
from shared.task.schemas import SCHEMA_VERSION, AutomationTask
from shared.topics import COUNTED, EVENTS, PARKED, lane
from shared.wiring.composition import Ports

PUBLISH_TIMEOUT_S = 2.0


async def publish(task: AutomationTask, trace_id: str, ports: Ports) -> dict[str, Any]:
    """Publish the task and return what the log may say of it.

    Raises:
        PublishFailed: the bus did not acknowledge in time (503).
    """
    topic, trace_id = lane(task.priority), trace_id or _new_trace(ports)
    attributes = {"schema_version": str(SCHEMA_VERSION), "source": task.source, "trace_id": trace_id}
    await _acknowledged(topic, task.model_dump_json().encode(), attributes, ports)
    return {"task_id": task.task_id, "source": task.source, "topic": topic, "trace_id": trace_id}


async def hand_over(
    body: bytes, *, source: str, media: str, reason: str, trace_id: str, ports: Ports
) -> dict[str, Any]:
    """Publish the body of a verified webhook as it came, for `intake-events` to park: this function has no store.

    Raises:
        PublishFailed: the bus did not acknowledge in time (503).
    """
    trace_id = trace_id or _new_trace(ports)
    attributes = {PARKED: "1", "source": source, "media": media, "reason": reason, "trace_id": trace_id}
    await _acknowledged(EVENTS, body, attributes, ports)  # all that is read of a body fits into a message
    return {"source": source, "error_code": reason, "topic": EVENTS, "trace_id": trace_id}


async def hand_over_counts(ports: Ports, now: datetime) -> None:
    """Publish how many events asked nothing of anybody, for `intake-events` to add up; now and then, and best effort.

    Never raises: what could not be published is held until the next time.
    """
    if counts := ports.ignored.due(now):
        try:
            await _acknowledged(EVENTS, told(counts).model_dump_json().encode(), {COUNTED: "1"}, ports)
        except PublishFailed as error:
            ports.ignored.put_back(counts)
            log("WARNING", "counts are held", function="intake", outcome="counts_held", error_code=error.code)


async def _acknowledged(topic: str, data: bytes, attributes: Mapping[str, str], ports: Ports) -> None:
    try:
        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
            await ports.publisher.publish(topic, data, attributes)
    except TimeoutError:
        raise PublishFailed("the event was not accepted in time; send it again", retry_after_s=1) from None


def _new_trace(ports: Ports) -> str:
    return tracing.trace_id() or f"{ports.random.getrandbits(128):032x}"
