"""What people write straight into an approval document: applied if it holds, else answered in its `error` field.

Called by `resume`, which knows the author from the event, and by `sweep` for edits whose event was lost.
"""

from __future__ import annotations

from typing import Any, Literal

from shared.composition import Ports
from shared.creation import approval_of
from shared.decisions import Wish, decide
from shared.entry import Outcome
from shared.errors import BadRequest, Conflict, NotFound, Unprocessable
from shared.moves import Person
from shared.ports import Document, Snapshot, Write
from shared.schemas import TaskRecord
from shared.tasks import to_document

DECISIONS: dict[str, Literal["approve", "reject"]] = {"approved": "approve", "rejected": "reject"}
UNATTRIBUTED = "firestore:unattributed"
MAX_COMMENT_CHARS = 1000


async def consume(ports: Ports, approval: Snapshot, record: TaskRecord, person: Person) -> Outcome:
    """Decide as the approval document says.

    Raises:
        StoreUnavailable: nothing was decided.
    """
    data = approval.data or {}
    status = data.get("status")
    fields = {"task_id": record.task_id, "intent": record.intent, "state_from": record.state}
    if data.get("outcome") is not None or status == "pending":
        edited = data.get("outcome") is not None and record.approval is not None and status != _status_of(record)
        if edited:
            return Outcome("edited_after_decision", fields=fields, severity="WARNING")
        return Outcome("nothing_to_do", fields=fields)
    decision = DECISIONS.get(status) if isinstance(status, str) else None
    if decision is None:
        return await _refuse(ports, approval, record, "status must be approved or rejected", "bad_status")
    try:
        after = await decide(ports, record.task_id, person, _wish(decision, data, record))
    except NotFound:
        return Outcome("no_task", fields=fields, severity="WARNING")
    except BadRequest as error:
        return await _refuse(ports, approval, record, error.message, error.code)
    return Outcome("decided", fields=fields | {"state_to": after.state})


def _wish(decision: Literal["approve", "reject"], data: Document, record: TaskRecord) -> Wish:
    """Return what the document asks for.

    Raises:
        Unprocessable: something is approved that is no intent or no parameters; what was shown does not run instead.
    """
    intent, parameters = data.get("intent"), data.get("parameters")
    if decision == "approve" and not (isinstance(intent, str) and isinstance(parameters, dict)):
        raise Unprocessable("intent must be a text and parameters a map", code="bad_edit")
    return Wish(
        decision,
        params_hash=_text(data.get("params_hash")),
        intent=intent if intent != record.intent else None,
        parameters=parameters if parameters != record.shown_parameters else None,
        comment=_text(data.get("comment")),
    )


async def _refuse(ports: Ports, approval: Snapshot, record: TaskRecord, message: str, code: str) -> Outcome:
    """Say in the document what is wrong, where the editor sees it, and ask again: the rest is as it was shown.

    Of what was written only the comment stays: the rest may be of types and sizes that we do not write.
    """
    fields = {"task_id": record.task_id, "intent": record.intent, "state_from": record.state}
    was_asked = record.decision.expires_at is not None
    data = to_document(approval_of(record)) if was_asked else _stray(record)
    data |= {"error": f"{code}: {message}", "comment": _text((approval.data or {}).get("comment"))[:MAX_COMMENT_CHARS]}
    try:
        await ports.store.commit(Write(approval.path, data, approval.version))
    except Conflict:
        return Outcome("stale_event", fields=fields)
    return Outcome("edit_refused", fields=fields | {"error_code": code}, severity="WARNING")


def _stray(record: TaskRecord) -> Document:
    """Return the approval document of a task that nobody was asked about: somebody made it by hand."""
    return {"task_id": record.task_id, "status": "pending", "outcome": None, "expire_at": record.expire_at}


def _status_of(record: TaskRecord) -> str:
    assert record.approval is not None, "asked of decided tasks only"
    return "approved" if record.approval.decision == "approve" else "rejected"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
