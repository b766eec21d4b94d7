"""A task that may not run by itself any more in; the same task, waiting for people with its approval, out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.records.approvals import approval_of
from shared.records.documents import Changed, approval_path, change, to_document
from shared.records.outbox import ask_for_preview
from shared.task import execution
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot


class MustAsk(Exception):
    """Raised out of an arrow: nobody has decided about `record`, and `reason` stands against its running by itself."""

    def __init__(self, record: TaskRecord, reason: str) -> None:
        super().__init__(reason)
        self.record, self.reason = record, reason


async def ask_people(ports: Ports, asks: MustAsk) -> Changed:
    """Let the task wait for people, in task and approval, and ask its executor what it would do.

    A commit of its own, so that no other claim has to read the approval.

    Raises:
        Skip: somebody else has moved it on meanwhile.
        StoreUnavailable, CommitUnknown: the message comes again, and finds the same.
    """
    record, patience = asks.record, timedelta(seconds=ports.settings.approval_ttl_s)

    def arrow(found: TaskRecord, now: datetime, pause: Snapshot) -> tuple[TaskRecord, Mapping[str, Document]]:
        after = execution.ask(found, record.generation, record.exec.epoch, now, reason=asks.reason, patience=patience)
        return after, {pause.path: to_document(approval_of(after, ports.registry))}

    changed = await change(ports.store, record.task_id, arrow, approval_path(record.task_id))
    await ask_for_preview(ports, changed.after)
    return changed
