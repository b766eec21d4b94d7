"""A signed webhook in; its task published, its body handed over to be parked, or the reason why it is ignored out."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from functions.intake.bodies import FORM, JSON, payload_of
from functions.intake.incoming import IncomingRequest
from functions.intake.publishing import hand_over, hand_over_counts, publish
from functions.intake.sources import Source, challenge_of
from functions.intake.taking import Ignored, named, take
from shared.errors import BadRequest
from shared.records.ignored import Count, Told, add
from shared.records.parking import park
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.settings import fields_of, secrets_of
from shared.task.schemas import AutomationTask
from shared.wiring.composition import Ports


async def receive(source: Source, request: IncomingRequest, ports: Ports) -> Outcome:
    """Answer a webhook. Once its signature holds it is published, parked, or ignored with a reason.

    Raises:
        BadRequest: nothing is verified yet, or Slack's handshake brings nothing to give back.
        Retry: no secret is set, or the bus did not acknowledge in time (503).
    """
    media = request.media(source.media)
    secrets, names = secrets_of(source.name), fields_of(source.name)
    body = await request.read()
    source.verify(body, request.headers, secrets, request.received_at)
    answer = partial(_answer, is_reply=source.name == "slack" and media == FORM)
    found = _look(source.name, media, body, ports.settings.listens_to, names)
    if isinstance(found, str):
        fields = await hand_over(
            body, source=source.name, media=media, reason=found, trace_id=request.trace_id, ports=ports
        )
        said = f"This could not be read ({found}); a person will look at it."
        return answer("kept", 202, {"parked": found}, said, fields=fields, severity="WARNING")
    if isinstance(found, Outcome):
        return found
    if isinstance(found, Ignored):
        left = _ignored(source.name, found)
        ports.ignored.add(source.name, found.kind, found.reason, request.received_at)
        await hand_over_counts(ports, request.received_at)
        return answer(left.code, 200, left.body, f"Nothing to do: {left.code}.", left.fields, left.severity)
    fields = await publish(found, request.trace_id, ports)
    return answer(
        "accepted", 202, named(found), f"Taken as task {found.task_id}; what becomes of it is told here.", fields
    )


async def read_again(delivery: Delivery, ports: Ports) -> Outcome:
    """Park a webhook's body that could not be read; after a redrive it may be readable, and becomes its task.

    Raises:
        Retry: neither worked; the message comes again.
    """
    source, media = delivery.attributes.get("source", ""), delivery.attributes.get("media", JSON)
    # Of a message that is cut, the whole was seen by `intake` alone, which said why it could not read it.
    found = (
        delivery.attributes.get("reason", "too_large")
        if delivery.is_cut
        else _look(source, media, delivery.data, ports.settings.listens_to, fields_of(source))
    )
    if isinstance(found, str):
        await park(ports, delivery, reason=found, task_id=None, outcome="parked")
        return Outcome("parked", fields={"source": source, "error_code": found}, severity="ERROR")
    if isinstance(found, Outcome):
        return found
    if isinstance(found, Ignored):
        count = Count(source=source, kind=found.kind, reason=found.reason, count=1)
        await add(ports.store, Told(days={delivery.publish_time.date().isoformat(): [count]}), delivery.message_id)
        return _ignored(source, found)
    return Outcome("accepted", fields=await publish(found, delivery.trace_id, ports))


async def count(delivery: Delivery, ports: Ports) -> Outcome:
    """Add what an instance of the public function counted to its day.

    Raises:
        Retry: it could not be added; the message comes again.
    """
    try:
        told = delivery.read_as(Told, "invalid_counts")
    except BadRequest as error:
        await park(ports, delivery, reason=error.code, task_id=None, outcome="parked")
        return Outcome("parked", fields={"error_code": error.code}, severity="ERROR")
    await add(ports.store, told, delivery.message_id)
    return Outcome("counted", fields={"count": sum(c.count for counts in told.days.values() for c in counts)})


def _look(
    source: str, media: str, body: bytes, listens_to: Collection[str], names: str
) -> AutomationTask | Ignored | Outcome | str:
    """Return what a body is: a task, nothing to do, Slack's handshake answered, or the code of why nobody can read it.

    The tree of a large body is many times its size, so nothing holds it but this call: no error, either.

    Raises:
        BadRequest: Slack's handshake brings nothing to give back.
    """
    try:
        payload = payload_of(source, media, body)
        found = take(source, payload, listens_to, names)
    except BadRequest as error:
        return error.code
    if source == "slack" and payload.get("type") == "url_verification":
        return Outcome("challenge", body={"challenge": challenge_of(payload)}, fields={"source": source})
    return found


def _ignored(source: str, found: Ignored) -> Outcome:
    fields = {"source": source, "kind": found.kind}
    body = {"ignored": True, "reason": found.reason}
    return Outcome(found.reason, body=body, fields=fields, severity="WARNING" if found.is_suspect else "INFO")


def _answer(
    code: str,
    status: int,
    body: dict[str, Any] | None,
    said: str,
    fields: dict[str, Any],
    severity: Any = "INFO",
    *,
    is_reply: bool,
) -> Outcome:
    """Return what the sender gets; whoever typed a command in Slack reads it, and Slack takes nothing but 200."""
    if is_reply:
        status, body = 200, {"response_type": "ephemeral", "text": said}
    return Outcome(code, status, body, fields, severity)
