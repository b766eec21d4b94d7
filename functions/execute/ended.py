"""A task whose state has changed in; its debts paid and the line for the log out."""

from __future__ import annotations

from typing import Any

from shared.intent.declaration import executor_for
from shared.logs import log, show_traceback, where
from shared.records.documents import Changed
from shared.records.outbox import pay
from shared.serving.entry import Outcome
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports


async def ended(changed: Changed, ports: Ports) -> Outcome:
    """Pay what the new state owes and say how the task stands; what is held for later is the sweeper's."""
    state = changed.after.state
    if state != "READY":
        await pay(ports, changed.after, changed.version)
    return Outcome(
        state.lower(),
        fields=fields_of(changed.before, changed.after),
        severity="INFO" if state == "SUCCEEDED" else "WARNING",
    )


def fields_of(before: TaskRecord, after: TaskRecord) -> dict[str, Any]:
    """Return what the log says of a step: the task, and how its state moved."""
    return {
        "task_id": after.task_id,
        "source": after.source,
        "intent": after.intent,
        "generation": after.generation,
        "state_from": before.state,
        "state_to": after.state,
        "attempts": after.exec.attempts,
        "tokens_used": after.classification.tokens_used,
        "trace_id": after.trace_id,
        "error_code": after.error.code if after.error else None,
    }


def tell_of(error: Exception, what: str, record: TaskRecord) -> None:
    """Say where a handler's own code broke, and show a developer the whole traceback."""
    log(
        "WARNING",
        what,
        function=executor_for(record.intent),
        task_id=record.task_id,
        intent=record.intent,
        trace_id=record.trace_id,
        error_type=type(error).__name__,
        operation=where(error),
    )
    show_traceback(error)
