"""A task of UNKNOWN effect in; what its provider says became of the effect, committed, out."""

from __future__ import annotations

import asyncio
from typing import Any

from functions.execute.context import context, handler_seconds
from functions.execute.ended import ended, fields_of, tell_of
from shared.errors import Skip
from shared.intent.declaration import Intent, executor_for
from shared.intent.outcomes import HandlerOutcome
from shared.logs import log
from shared.records.documents import change
from shared.serving.entry import Outcome
from shared.task import repair
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports


async def reconcile(record: TaskRecord, ports: Ports, intent: Intent, handler: Any) -> Outcome:
    """Ask the provider what became of an UNKNOWN effect; a handler that cannot ask leaves it to a person."""
    verdict: Any = None
    if hasattr(handler, "reconcile"):
        seconds = handler_seconds(intent)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout(seconds):
                said = await handler.reconcile(record.effect_key, context(record, ports, intent, deadline))
            # Never an end by a slip of the handler.
            verdict = said if said in ("applied", "not_applied", "pending") else "unknown"
        except Exception as error:
            if isinstance(error, HandlerOutcome):
                function = executor_for(record.intent)
                log("WARNING", "reconcile failed", function=function, task_id=record.task_id, error_code=error.code)
            else:
                tell_of(error, "reconcile failed", record)
            verdict = "unknown"
    try:
        changed = await change(
            ports.store, record.task_id, lambda r, now: repair.reconciled(r, record.generation, verdict, now)
        )
    except Skip as skip:
        return Outcome(skip.code, fields=fields_of(record, record))
    return await ended(changed, ports)
