"""Claim, start, run the handler, finish: four promises of the protocol around one plain function.

Reads intent and parameters from the task document only; the message is a pointer.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from functions.execute.attempt import Attempt, ended, fields_of, handler_seconds, is_off, seconds, switch_path
from functions.execute.context import context
from functions.execute.preview import preview
from shared.errors import NotFound, Retry
from shared.gate.start import start_refusal
from shared.intent.declaration import Intent
from shared.intent.outcomes import HandlerOutcome
from shared.logs import log
from shared.records.documents import Changed, change
from shared.records.parking import park
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.task import execution, repair
from shared.task.moves import Skip
from shared.task.schemas import TaskReady, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Snapshot


async def execute(delivery: Delivery, ports: Ports, intent: Intent, handler: Any) -> Outcome:
    """Run one task once, or say why not.

    Raises:
        Retry: the message comes again: the store is down, this very message's earlier delivery still holds the
            lease, or the handler asked for another attempt soon.
    """
    try:
        message = TaskReady.model_validate_json(delivery.data)
    except ValidationError:
        return await _parked(delivery, ports, intent, "invalid_message")
    began = seconds()
    try:
        claimed = await _claim(message, delivery, ports, intent)
    except NotFound as error:
        return await _parked(delivery, ports, intent, error.code, task_id=message.task_id)
    except Skip as skip:
        if skip.code in ("lease_held_by_this_message", "too_early"):
            raise Retry("an earlier delivery is at work, or the provider asked to wait", code=skip.code) from None
        return Outcome(skip.code, fields={"task_id": message.task_id, "intent": intent.name})
    if claimed.after.state == "AWAITING_APPROVAL":
        return await preview(claimed.after, ports, intent, handler, began + handler_seconds(intent))
    if claimed.after.state == "UNKNOWN" and claimed.before.state == "UNKNOWN":
        return await _reconcile(claimed.after, ports, intent, handler)
    if claimed.after.state != "EXECUTING":
        return await ended(claimed, ports)
    return await Attempt(claimed, ports, intent, handler, began).run()


async def _parked(delivery: Delivery, ports: Ports, intent: Intent, code: str, task_id: str | None = None) -> Outcome:
    await park(ports, delivery, reason=code, task_id=task_id, outcome="parked")
    return Outcome("parked", fields={"task_id": task_id, "intent": intent.name, "error_code": code}, severity="ERROR")


async def _claim(message: TaskReady, delivery: Delivery, ports: Ports, intent: Intent) -> Changed:
    """Take the lease; where nothing happens between claim and effect, the start marker goes into the same commit."""
    nonce = f"{ports.random.getrandbits(128):032x}"

    def arrow(record: TaskRecord, now: datetime, switch: Snapshot) -> TaskRecord:
        if (record.generation, record.intent) == (message.generation, intent.name):
            if record.state == "AWAITING_APPROVAL":  # nothing to claim: somebody wants to know what would happen
                return record
            if record.state == "UNKNOWN":
                if record.outbox is None:  # a request may still be under way: only the sweeper's message asks, later
                    raise Skip(code="already_done")
                return record
        after = execution.claim(record, message.generation, intent, now, nonce=nonce, message_id=delivery.message_id)
        if after.state != "EXECUTING":
            return after
        refusal = start_refusal(after, intent, ports.settings, switched_off=is_off(switch))
        if intent.reads_first and refusal is None:  # asked again right before the first write
            return after
        return execution.start(after, after.exec.epoch, intent, now, refusal)

    return await change(ports.store, message.task_id, arrow, switch_path(intent))


async def _reconcile(record: TaskRecord, ports: Ports, intent: Intent, handler: Any) -> Outcome:
    """Ask the provider what became of an UNKNOWN effect; a handler that cannot ask leaves it to a person."""
    verdict: Any = None
    if hasattr(handler, "reconcile"):
        deadline = seconds() + handler_seconds(intent)
        try:
            async with asyncio.timeout_at(deadline):
                said = await handler.reconcile(record.effect_key, context(record, ports, intent, deadline))
            # Never an end by a slip of the handler.
            verdict = said if said in ("applied", "not_applied", "pending") else "unknown"
        except Exception as error:
            log(
                "WARNING",
                "reconcile failed",
                task_id=record.task_id,
                error_type=type(error).__name__,
                error_code=error.code if isinstance(error, HandlerOutcome) else None,
            )
            verdict = "unknown"
    try:
        changed = await change(
            ports.store, record.task_id, lambda r, now: repair.reconciled(r, record.generation, verdict, now)
        )
    except Skip as skip:
        return Outcome(skip.code, fields=fields_of(record, record))
    return await ended(changed, ports)
