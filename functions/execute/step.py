"""Claim, start, run the handler, finish: four promises of the protocol around one plain function.

Reads intent and parameters from the task document only; the message is a pointer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from functions.execute.asking import MustAsk, ask_people
from functions.execute.attempt import Attempt, seconds
from functions.execute.context import handler_seconds
from functions.execute.ended import ended
from functions.execute.preview import preview
from functions.execute.reconcile import reconcile
from shared.errors import BadRequest, Gone, NotFound, Retry, Skip
from shared.gate.policy import may_run_alone
from shared.gate.start import ASKS, reason_to_ask, start_refusal
from shared.intent.declaration import Intent
from shared.records.breakers import breaker_in, breaker_path
from shared.records.documents import Changed, change
from shared.records.parking import park
from shared.records.switches import is_off, switch_path
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.task import execution
from shared.task.schemas import TaskReady, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Snapshot

FINISH_TRIES = 3
# A redelivery by the bus serves short waits; longer ones are left to the outbox, so that no delivery is burnt.
LONGEST_REDELIVERY_S = 60.0


async def execute(delivery: Delivery, ports: Ports, intent: Intent, handler: Any) -> Outcome:
    """Run one task once, or say why not.

    Raises:
        Retry: the message comes again: the store is down, this very message's earlier delivery still holds the
            lease, or the handler asked for another attempt soon.
    """
    try:
        message = delivery.read_as(TaskReady, "invalid_message")
    except BadRequest as error:
        return await _parked(delivery, ports, intent, error.code)
    try:
        return await _pointed_at(message, delivery, ports, intent, handler)
    except Gone as gone:
        return Outcome(gone.code, fields={"task_id": message.task_id, "intent": intent.name})


async def _pointed_at(message: TaskReady, delivery: Delivery, ports: Ports, intent: Intent, handler: Any) -> Outcome:
    began = seconds()
    try:
        claimed = await _claim(message, delivery, ports, intent)
    except Gone:
        raise
    except MustAsk as asks:
        return await _asked(asks, ports, intent)
    except NotFound as error:
        return await _parked(delivery, ports, intent, error.code, task_id=message.task_id)
    except Skip as skip:
        if skip.code in ("lease_held_by_this_message", "too_early"):
            raise Retry("an earlier delivery is at work, or the provider asked to wait", code=skip.code) from None
        return Outcome(skip.code, fields={"task_id": message.task_id, "intent": intent.name})
    if claimed.after.state == "AWAITING_APPROVAL":
        return await preview(claimed.after, ports, intent, handler, began + handler_seconds(intent))
    if claimed.after.state == "UNKNOWN" and claimed.before.state == "UNKNOWN":
        return await reconcile(claimed.after, ports, intent, handler)
    if claimed.after.state != "EXECUTING":
        return await ended(claimed, ports)
    return await Attempt(claimed, ports, intent, handler, began).run()


async def _asked(asks: MustAsk, ports: Ports, intent: Intent) -> Outcome:
    try:
        return await ended(await ask_people(ports, asks), ports)
    except Skip as skip:  # somebody has moved it on meanwhile
        return Outcome(skip.code, fields={"task_id": asks.record.task_id, "intent": intent.name})


async def _parked(delivery: Delivery, ports: Ports, intent: Intent, code: str, task_id: str | None = None) -> Outcome:
    await park(ports, delivery, reason=code, task_id=task_id, outcome="parked")
    return Outcome("parked", fields={"task_id": task_id, "intent": intent.name, "error_code": code}, severity="ERROR")


async def _claim(message: TaskReady, delivery: Delivery, ports: Ports, intent: Intent) -> Changed:
    """Take the lease; where nothing happens between claim and effect, the start marker goes into the same commit."""
    nonce = f"{ports.random.getrandbits(128):032x}"

    def arrow(record: TaskRecord, now: datetime, switch: Snapshot, *breakers: Snapshot) -> TaskRecord:
        off = is_off(switch) or intent.name in ports.settings.disabled_intents
        if (record.generation, record.intent) == (message.generation, intent.name):
            if record.state == "AWAITING_APPROVAL":  # nothing to claim: somebody wants to know what would happen
                return record
            if record.state == "UNKNOWN":
                if record.outbox is None:  # a request may still be under way: only the sweeper's message asks, later
                    raise Skip(code="already_done")
                return record
            if record.state == "READY" and off:
                return execution.hold(record, intent, now)
        after = execution.claim(record, message.generation, intent, now, nonce=nonce, message_id=delivery.message_id)
        if after.state != "EXECUTING":
            return after
        breaker = breaker_in(breakers[0]) if breakers else None
        refusal = start_refusal(after, intent, ports.settings, switched_off=off, breaker=breaker)
        if refusal in ASKS and not after.effect.possibly_applied:
            raise MustAsk(record, reason_to_ask(refusal, breaker))
        if intent.starts_late and refusal is None:  # asked again right before the first write
            return after
        return execution.start(after, after.exec.epoch, intent, now, refusal)

    # A breaker is looked at where something could run that nobody has decided.
    paths = (switch_path(intent.name), *([breaker_path(intent.name)] if may_run_alone(intent, ports.settings) else []))
    return await change(ports.store, message.task_id, arrow, *paths)
