"""A request or an event in; verified, validated and published `AutomationTask` out. Nothing is stored but poison."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from functions.intake.caller import EmailOf, check_caller, email_of_google_token
from functions.intake.incoming import IncomingRequest
from functions.intake.sources import Source, challenge_of, source_at
from functions.intake.taking import Ignored, take
from shared.errors import BadRequest, PublishFailed
from shared.event.strict_json import MAX_DEPTH, MAX_POINTER_CHARS, parse_object
from shared.records.parking import park
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.settings import secrets_of
from shared.task.schemas import SCHEMA_VERSION, AutomationTask
from shared.topics import lane
from shared.wiring.composition import Ports

PUBLISH_TIMEOUT_S = 2.0
DESCRIPTION = Path(__file__).with_name("openapi.json")


async def receive_webhook(request: IncomingRequest, ports: Ports, email_of: EmailOf = email_of_google_token) -> Outcome:
    """Answer one HTTP request: 202 with the task's id once the bus has acknowledged the task.

    Raises:
        BadRequest: the caller must change something; the status says what (400, 401, 404, 405, 413, 415).
        Retry: no secret is set, or the bus did not acknowledge in time (503); the source sends it again.
    """
    if request.path == "/healthz":
        request.must_be("GET", "HEAD")
        return Outcome("healthy", body={"status": "ok"}, severity="DEBUG")
    if request.path == "/openapi.json":
        request.must_be("GET", "HEAD")
        return Outcome("described", body=json.loads(DESCRIPTION.read_bytes()), severity="DEBUG")
    source = None if request.path == "/" else source_at(request.path)
    request.must_be("POST")
    request.must_be_json()
    if source is not None:
        return await _receive_from(source, request, ports)
    return await _accept(await _direct_task(request, ports, email_of), request, ports)


async def receive_event(delivery: Delivery, ports: Ports) -> Outcome:
    """Pass on one message of topic `events`; what is no `AutomationTask` is parked where people see it.

    Raises:
        Retry: neither worked; the message comes again.
    """
    try:
        # One level deeper than a webhook's body: this one is wrapped.
        task = _validated(parse_object(delivery.data, MAX_DEPTH + 1))
    except BadRequest as error:
        await park(ports, delivery, reason=error.code, task_id=None, outcome="parked")
        return Outcome("parked", fields={"error_code": error.code}, severity="ERROR")
    return Outcome("accepted", fields=await _publish(task, delivery.trace_id, ports))


async def _receive_from(source: Source, request: IncomingRequest, ports: Ports) -> Outcome:
    """Answer a signed webhook."""
    secrets = secrets_of(source.name)
    body = await request.read()
    source.verify(body, request.headers, secrets, request.received_at)
    payload = parse_object(body)
    if source.name == "slack" and payload.get("type") == "url_verification":
        return Outcome("challenge", body={"challenge": challenge_of(payload)}, fields={"source": source.name})
    try:
        found = take(source.name, payload, ports.settings.listens_to)
    except ValidationError as error:
        raise _invalid(error) from None
    if isinstance(found, Ignored):
        fields = {"source": source.name, "kind": found.kind}
        return Outcome(found.reason, body={"ignored": True, "reason": found.reason}, fields=fields)
    return await _accept(found, request, ports)


async def _accept(task: AutomationTask, request: IncomingRequest, ports: Ports) -> Outcome:
    fields = await _publish(task, request.trace_id, ports)
    return Outcome("accepted", 202, {"task_id": task.task_id}, fields)


async def _direct_task(request: IncomingRequest, ports: Ports, email_of: EmailOf) -> AutomationTask:
    body = await request.read()
    if not ports.settings.local:
        await check_caller(request, body, ports.settings, email_of)
    return _validated(parse_object(body))


def _validated(value: dict[str, Any]) -> AutomationTask:
    try:
        return AutomationTask.model_validate(value)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> BadRequest:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    pointer = "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in first["loc"])
    return BadRequest(first["msg"], code="invalid_task", field=pointer[:MAX_POINTER_CHARS])


async def _publish(task: AutomationTask, trace_id: str, ports: Ports) -> dict[str, Any]:
    """Publish the task and return what the log may say of it."""
    topic, trace_id = lane(task.priority), trace_id or f"{ports.random.getrandbits(128):032x}"
    attributes = {"schema_version": str(SCHEMA_VERSION), "source": task.source, "trace_id": trace_id}
    try:
        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
            await ports.publisher.publish(topic, task.model_dump_json().encode(), attributes)
    except TimeoutError:
        raise PublishFailed("the event was not accepted in time; send it again", retry_after_s=1) from None
    return {"task_id": task.task_id, "source": task.source, "topic": topic, "trace_id": trace_id}
