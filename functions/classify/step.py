"""One model call per task: the record is created exactly once, whatever the bus repeats."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from pydantic import ValidationError

from shared.canonical import canonical_json, sha256_hex
from shared.errors import ModelRefused, ModelUnavailable
from shared.event.payload import View, view
from shared.event.requester import EMAIL, author_of, with_email
from shared.gate.plan import degraded, plan
from shared.gate.policy import Usage, is_enabled
from shared.model import prompt
from shared.model.question import Answer, Question
from shared.records.creation import create
from shared.records.documents import task_path, to_record
from shared.records.outbox import ask_for_preview, pay
from shared.records.parking import park
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.task.birth import Plan
from shared.task.schemas import AutomationTask
from shared.wiring.composition import Ports
from shared.wiring.ports import Snapshot


async def classify(delivery: Delivery, ports: Ports) -> Outcome:
    """Turn an `AutomationTask` message into a task document, and publish it or pause it.

    Raises:
        ModelUnavailable: the message comes again until the model budget is over, then a person gets the task.
        StoreUnavailable: the message comes again.
    """
    try:
        task = AutomationTask.model_validate_json(delivery.data)
    except ValidationError:
        await park(ports, delivery, reason="invalid_task", task_id=None, outcome="parked")
        return Outcome("parked", fields={"error_code": "invalid_task"}, severity="ERROR")
    (snapshot,) = await ports.store.read(task_path(task.task_id))
    if snapshot.data is not None:
        return await _seen_before(task, snapshot, ports)
    return await _first_time(task, delivery, snapshot.read_time, ports)


async def _seen_before(task: AutomationTask, snapshot: Snapshot, ports: Ports) -> Outcome:
    """Never ask the model again: publish what the first one still owes, and acknowledge."""
    record = to_record(snapshot)
    fields = {"task_id": task.task_id, "source": task.source, "intent": record.intent, "state_to": record.state}
    if sha256_hex(canonical_json(task.raw_payload)) != record.payload_sha256:
        return Outcome("payload_conflict", fields=fields, severity="WARNING")
    if record.state != "READY" or record.exec.attempts == 0:  # a retry waits for its own time
        await pay(ports, record, snapshot.version)
    return Outcome("duplicate", fields=fields)


async def _first_time(task: AutomationTask, delivery: Delivery, now: datetime, ports: Ports) -> Outcome:
    settings, registry = ports.settings, ports.registry
    seen = await _with_requester(view(task.source, task.raw_payload), task, ports)
    question = prompt.build(task, seen, registry, disabled=settings.disabled_intents)
    began = _seconds()
    answer, refusal = await _ask(question, task.priority, delivery, now, ports)
    now += timedelta(seconds=_seconds() - began)

    def decide(usage: Usage, at: datetime) -> Plan:
        if answer is None:
            return degraded(refusal, settings, at)
        return plan(task, seen, answer, question.version, registry, settings, usage, at)

    created = await create(ports, task, seen, decide, now=now, trace_id=delivery.trace_id)
    record = created.record
    await pay(ports, record, created.version)
    if created.is_new:
        await ask_for_preview(ports, record)
    said = record.classification
    fields = {
        "task_id": task.task_id,
        "source": task.source,
        "intent": record.intent,
        "state_to": record.state,
        "error_code": refusal,
        "confidence": said.confidence,
        "model": said.model,
        "prompt_version": said.prompt_version,
        "tokens_used": said.tokens_used,
        "latency_ms": said.latency_ms,
    }
    return Outcome("classified" if created.is_new else "duplicate", fields=fields)


async def _with_requester(seen: View, task: AutomationTask, ports: Ports) -> View:
    """Look the author's address up where the event has none and an intent of this source needs it.

    Before the model is asked: a parameter may be this very field.
    """
    is_needed = any(EMAIL in i.needs and is_enabled(i, task.source, ports.settings) for i in ports.registry.values())
    author = author_of(task.source, task.raw_payload)
    if author is None or author.email or not seen.texts or not is_needed:
        return seen
    email = await ports.people.email_of(author)
    return with_email(seen, email, f"the users API of {task.source}") if email else seen


async def _ask(
    question: Question, priority: int, delivery: Delivery, now: datetime, ports: Ports
) -> tuple[Answer | None, str]:
    """Return the model's answer, or None and why a person must look."""
    try:
        async with ports.model_slots.taken(priority):
            return await ports.classifier.ask(question, ports.settings.model_timeout_s), ""
    except ModelRefused as error:
        return None, error.code
    except ModelUnavailable as error:
        waited_s = (now - delivery.publish_time).total_seconds()
        if waited_s < ports.settings.model_budget_s:
            raise
        return None, error.code


def _seconds() -> float:
    return asyncio.get_running_loop().time()
