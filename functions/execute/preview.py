"""A waiting task in; what its handler's `plan` says would happen, or why it would fail, into task and approval.

Decides nothing: no lease, no epoch, no history; of the task only the plan is written. Whatever goes wrong is said in
words or left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from functions.execute.context import context
from functions.execute.ended import tell_of
from shared import tracing
from shared.errors import SwitchyardError
from shared.gate.answer import validate
from shared.gate.policy import is_enabled
from shared.intent.declaration import Intent
from shared.intent.outcomes import Ambiguous, NotApplied, Permanent
from shared.records.documents import approval_path, task_path, to_document, to_record, transact
from shared.serving.entry import Outcome
from shared.task.approval import is_open
from shared.task.requester import is_unknown
from shared.task.schemas import TaskRecord
from shared.task.waiting import WOULD_FAIL, planned
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot


class WriteRefused(Exception):
    """Raised into a `plan` that tries to write: nothing was sent."""


async def preview(record: TaskRecord, ports: Ports, intent: Intent, handler: Any, deadline: float) -> Outcome:
    """Say what the task would do if it were approved now. Always acknowledged: people can ask again."""
    fields = {"task_id": record.task_id, "intent": record.intent, "trace_id": record.trace_id}
    if not hasattr(handler, "plan") or not is_enabled(intent, record.source, ports.settings):
        return Outcome("no_preview", fields=fields)
    text = await look(record, ports, intent, handler, deadline)
    path, pause, written = task_path(record.task_id), approval_path(record.task_id), False

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal written
        now, at = to_record(snapshots[path]), snapshots[path].read_time
        written = waits_as_looked_at(now)
        if not written:
            return {}
        after, asked = planned(now, text, at), snapshots[pause].data
        writes = {path: to_document(after)}
        if asked is not None and is_open(asked):  # what a person is just writing there stays
            writes[pause] = asked | {"plan": after.review.plan, "plan_at": after.review.plan_at}
        return writes

    def waits_as_looked_at(now: TaskRecord) -> bool:
        return now.state == "AWAITING_APPROVAL" and (now.generation, now.params_hash) == (
            record.generation,
            record.params_hash,
        )

    try:
        await transact(ports.store, (path, pause), body)
    except SwitchyardError as error:
        return Outcome("preview_lost", fields=fields | {"error_code": error.code}, severity="WARNING")
    return Outcome("previewed" if written else "already_done", fields=fields)


async def look(record: TaskRecord, ports: Ports, intent: Intent, handler: Any, deadline: float) -> str:
    """Return the handler's plan, or honest words: never the text of an exception that is not the handler's own."""
    if validate(intent, record.parameters)[0] is None:
        return f"{WOULD_FAIL}the parameters do not hold any more (parameters_invalid)"
    if is_unknown(record, intent):
        return f"{WOULD_FAIL}nobody says whose request it is; say it, and it is looked up again (requester_unknown)"
    parameters = intent.parameters.model_validate(record.parameters)
    try:
        async with asyncio.timeout_at(deadline):
            with tracing.span(f"plan {intent.name}", intent=intent.name):
                said = await handler.plan(parameters, context(record, ports, intent, deadline, _no_write, dry_run=True))
        return str(said)
    except WriteRefused:
        return "cannot be looked up: the handler's plan tries to change something (plan_writes)"
    except Permanent as error:
        return f"{WOULD_FAIL}{error.message or 'the handler refuses'} ({error.code})"
    except NotApplied as error:
        return f"would not work now: {error.message or 'the handler asks to try later'} ({error.code})"
    except TimeoutError:
        return "cannot be looked up: no answer in time (timeout)"
    except Exception as error:
        if not isinstance(error, Ambiguous):
            tell_of(error, "plan failed", record)
        code = error.code if isinstance(error, Ambiguous) else f"unexpected_{type(error).__name__}"
        return f"cannot be looked up: something went wrong ({code})"


async def _no_write() -> None:
    raise WriteRefused
