"""A waiting task and what people see of it, `approvals/{task_id}`: one is written from the other, in the same commit.

The task's record is the authority. Of the document only what a person writes into it is ever read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from shared.gate.amount import priced
from shared.gate.doors import missing
from shared.intent.registry import Registry
from shared.records.documents import approval_path, task_path, to_document, to_record, transact
from shared.records.labels import label_of, label_path
from shared.records.outbox import ask_for_preview, pay
from shared.task.approval import Approval
from shared.task.moves import lifetime
from shared.task.requester import requester_of
from shared.task.schemas import CAUSES, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot

MAX_COMMENT_CHARS = 1000


def approval_of(record: TaskRecord, registry: Registry, written: Document | None = None) -> Approval:
    """Return the document that people decide on, of a task that waits, with what they have `written` there so far.

    That is a comment and the cause of a rejection to come; all else is the record's.
    """
    expires_at, review = record.decision.expires_at, record.review
    comment, cause = ((written or {}).get(name) for name in ("comment", "cause"))
    assert expires_at is not None, "a paused task has an expiry"
    return Approval(
        task_id=record.task_id,
        intent=record.intent,
        parameters=record.shown_parameters,
        confidence=record.classification.confidence,
        reasons=record.decision.reasons,
        params_hash=record.params_hash,
        generation=record.generation,
        requested_at=record.asked_at,
        expires_at=expires_at,
        comment=comment[:MAX_COMMENT_CHARS] if isinstance(comment, str) else "",
        cause=cause if cause in CAUSES else "",
        requester_email=requester_of(record).get("email", ""),
        edited_by=review.edited_by,
        approved_by=[given.by for given in review.approvals],
        missing=missing(registry.get(record.intent), record),
        error=review.error or None,
        refusals=review.refusals,
        plan=review.plan,
        plan_at=review.plan_at,
        expire_at=record.expire_at,
    )


def closed(before: TaskRecord, after: TaskRecord, registry: Registry, now: datetime) -> Approval:
    """Return the document after the decision: what was shown, who decided, what became of it."""
    decision = after.approval
    status = {"READY": "approved", "REJECTED": "rejected", "EXPIRED": "expired"}.get(after.state, "cancelled")
    return approval_of(before, registry).model_copy(
        update={
            "status": status,
            "intent": after.intent,
            "parameters": after.shown_parameters,
            "params_hash": after.params_hash,
            "generation": after.generation,
            "comment": decision.comment if decision else "",
            "cause": (decision and decision.cause) or "",
            "edited_by": after.review.edited_by,
            "approved_by": [given.by for given in after.review.approvals],
            "missing": 0,
            "error": None,
            "decided_by": decision.by if decision else after.history[-1].by,
            "decided_at": now,
            "outcome": after.state,
            "expire_at": now + lifetime(after),
        }
    )


async def change_both(
    ports: Ports, task_id: str, arrow: Callable[[TaskRecord, datetime], TaskRecord]
) -> tuple[TaskRecord, TaskRecord]:
    """Apply `arrow` to the task, bring its approval in line and keep what a decision says of the classifier, in one
    commit; then pay what the task owes.

    Returns the record before and after. What would happen is looked up anew where it may be something else now.

    Raises:
        NotFound: no such task.
        StoreUnavailable, CommitUnknown: see `transact`.
        whatever `arrow` raises: nothing was written.
    """
    path, pause, judged = task_path(task_id), approval_path(task_id), label_path(task_id)
    changed: list[TaskRecord] = []

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        before, now = to_record(snapshots[path]), snapshots[path].read_time
        after = arrow(before, now)
        after = after if after is before else priced(after, ports.registry)
        changed[:] = [before, after]
        writes = {} if after is before else {path: to_document(after)}
        was_asked = before.decision.expires_at is not None
        if after.state == "AWAITING_APPROVAL":
            writes[pause] = to_document(approval_of(after, ports.registry, snapshots[pause].data))
        elif before.state == "AWAITING_APPROVAL" or (was_asked and after.approval != before.approval):
            writes[pause] = to_document(closed(before, after, ports.registry, now))
        if label := label_of(before, after, snapshots[judged].data, ports.settings):
            writes[judged] = label.model_dump()
        return writes

    snapshots = await transact(ports.store, (path, pause, judged), body)
    before, after = changed
    await pay(ports, after, snapshots[path].version)
    is_other = before.params_hash != after.params_hash or before.state != "AWAITING_APPROVAL"
    if not after.review.plan and (before.review.plan or is_other):
        await ask_for_preview(ports, after)
    return before, after
