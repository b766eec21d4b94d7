"""A request or an event in; verified, validated and published `AutomationTask` out. Nothing is stored but poison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from functions.intake import webhooks
from functions.intake.bodies import JSON
from functions.intake.caller import EmailOf, check_caller
from functions.intake.incoming import IncomingRequest
from functions.intake.publishing import publish
from functions.intake.sources import source_at
from functions.intake.taking import named
from shared.errors import BadRequest
from shared.event.strict_json import MAX_DEPTH, MAX_POINTER_CHARS, parse_object
from shared.records.parking import park
from shared.serving.entry import Outcome
from shared.serving.google_tokens import email_of_google_token
from shared.serving.push import Delivery
from shared.serving.site import check_host, check_site
from shared.task.schemas import AutomationTask
from shared.topics import COUNTED, PARKED
from shared.wiring.composition import Ports

DESCRIPTION = Path(__file__).with_name("openapi.json").read_bytes()  # of this very code


async def receive_webhook(request: IncomingRequest, ports: Ports, email_of: EmailOf = email_of_google_token) -> Outcome:
    """Answer one HTTP request: 202 with the task's id once the bus has acknowledged the task.

    Raises:
        BadRequest: the caller must change something; the status says what (400, 401, 404, 405, 413, 415).
        Retry: no secret is set, or the bus did not acknowledge in time (503); the source sends it again.
    """
    if request.path == "/healthz":
        request.must_be("GET", "HEAD")
        return Outcome("healthy", body=ports.health(), severity="DEBUG")
    if request.path == "/openapi.json":
        request.must_be("GET", "HEAD")
        return Outcome("described", body=json.loads(DESCRIPTION), severity="DEBUG")
    source = None if request.path == "/" else source_at(request.path)
    request.must_be("POST")
    if source is not None:
        return await webhooks.receive(source, request, ports)
    task = await _direct_task(request, ports, email_of)
    return Outcome("accepted", 202, named(task), await publish(task, request.trace_id, ports))


async def receive_event(delivery: Delivery, ports: Ports) -> Outcome:
    """Pass on one message of topic `events`; what is no `AutomationTask` is parked where people see it.

    Raises:
        Retry: neither worked; the message comes again.
    """
    if PARKED in delivery.attributes:
        return await webhooks.read_again(delivery, ports)
    if COUNTED in delivery.attributes:
        return await webhooks.count(delivery, ports)
    task = _task_in(delivery)
    if isinstance(task, str):
        await park(ports, delivery, reason=task, task_id=None, outcome="parked")
        return Outcome("parked", fields={"error_code": task}, severity="ERROR")
    return Outcome("accepted", fields=await publish(task, delivery.trace_id, ports))


def _task_in(delivery: Delivery) -> AutomationTask | str:
    """Return the task of a message, or the code of why it is none: the error itself would hold all that was parsed."""
    try:
        # One level deeper than a webhook's body: this one is wrapped.
        return _validated(parse_object(delivery.whole(), MAX_DEPTH + 1))
    except BadRequest as error:
        return error.code


async def _direct_task(request: IncomingRequest, ports: Ports, email_of: EmailOf) -> AutomationTask:
    if ports.settings.local:  # open here, so only for programs and pages of this machine
        check_host(request.headers, "intake")
        check_site(request.headers)
    request.media((JSON,))
    body = await request.read()
    if not ports.settings.local:
        await check_caller(request, body, ports.settings, email_of)
    return _validated(parse_object(body))


def _validated(value: dict[str, Any]) -> AutomationTask:
    try:
        return AutomationTask.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        pointer = "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in first["loc"])
        raise BadRequest(first["msg"], code="invalid_task", field=pointer[:MAX_POINTER_CHARS]) from None
