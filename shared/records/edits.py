"""What people write straight into an approval document: applied if it holds, else answered in its `error` field.

Called by `resume`, which knows the author from the event, and by `sweep` for edits whose event was lost.
"""

from __future__ import annotations

from typing import Any, Literal

from shared.errors import BadRequest, Conflict, NotFound, Unprocessable
from shared.records.approvals import plan_is_ours, refused
from shared.records.creation import approval_of
from shared.records.decisions import Wish, decide
from shared.records.documents import task_path, to_document, to_record
from shared.records.outbox import ask_for_preview
from shared.serving.entry import Outcome
from shared.task.moves import Person
from shared.task.requester import MAX_ADDRESS_CHARS
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot, Write

DECISIONS: dict[str, Literal["approve", "reject"]] = {"approved": "approve", "rejected": "reject"}
UNATTRIBUTED = "firestore:unattributed"
MAX_COMMENT_CHARS = 1000
# The plan has a hash of its own, `params_hash` is checked by the decision; the others are for people to set.
IMMUTABLE = (
    "task_id",
    "confidence",
    "reasons",
    "requested_at",
    "expires_at",
    "expire_at",
    "decided_by",
    "decided_at",
    "outcome",
)


async def consume(ports: Ports, approval: Snapshot, record: TaskRecord, person: Person) -> Outcome:
    """Decide as the approval document says.

    Raises:
        StoreUnavailable: nothing was decided.
    """
    data = approval.data or {}
    status, closed = data.get("status"), data.get("outcome") is not None
    if closed and record.state == "AWAITING_APPROVAL":  # decided since the task was read, or an outcome by hand
        (task,) = await ports.store.read(task_path(record.task_id))
        record = to_record(task)
    fields = {
        "task_id": record.task_id,
        "intent": record.intent,
        "state_from": record.state,
        "author": person.name,
    }
    if status == "pending" or (closed and record.state != "AWAITING_APPROVAL"):
        edited = closed and record.approval is not None and status != _status_of(record)
        if edited:
            return Outcome("edited_after_decision", fields=fields, severity="WARNING")
        return Outcome("nothing_to_do", fields=fields)
    try:
        after = await decide(ports, record.task_id, person, _wish(data, record))
    except NotFound:
        return Outcome("no_task", fields=fields, severity="WARNING")
    except BadRequest as error:
        return await _refuse(ports, approval, record, person, error)
    return Outcome("decided", fields=fields | {"state_to": after.state})


def _wish(data: Document, record: TaskRecord) -> Wish:
    """Return what the document asks for.

    Raises:
        Unprocessable: no decision, a field that is not people's was changed, or something is approved that is no
            intent or no parameters; what was shown does not run instead.
    """
    status, intent, parameters = data.get("status"), data.get("intent"), data.get("parameters")
    decision = DECISIONS.get(status) if isinstance(status, str) else None
    if decision is None:
        raise Unprocessable("status must be approved or rejected", code="bad_status")
    if altered := _altered(data, record):
        raise Unprocessable(
            f"{', '.join(altered)} cannot be edited and is as before; set status again", code="immutable_field"
        )
    if decision == "approve" and not (isinstance(intent, str) and isinstance(parameters, dict)):
        raise Unprocessable("intent must be a text and parameters a map", code="bad_edit")
    whose = data.get("requester_email")
    if decision == "approve" and not isinstance(whose, str | None):
        raise Unprocessable("requester_email must be a text", code="bad_requester", field="/requester_email")
    return Wish(
        decision,
        params_hash=_text(data.get("params_hash")),
        intent=intent if intent != record.intent else None,
        parameters=parameters if parameters != record.shown_parameters else None,
        comment=_text(data.get("comment")),
        requester_email=_text(whose).strip() or None,
    )


def _altered(data: Document, record: TaskRecord) -> list[str]:
    """Return the names of the fields that only we write and that somebody changed while the task waits."""
    if record.state != "AWAITING_APPROVAL":
        return []
    ours = to_document(approval_of(record))
    altered = [name for name in IMMUTABLE if data.get(name) != ours[name]]
    return altered if plan_is_ours(data) else [*altered, "plan"]


async def _refuse(ports: Ports, approval: Snapshot, record: TaskRecord, person: Person, error: BadRequest) -> Outcome:
    """Say in the document what is wrong, where the editor sees it, and ask again: the rest is as it was shown.

    Of what was written only comment and requester stay, to be mended: the rest may be of types and sizes that we do not
    write. A plan that was edited is looked up anew.
    """
    fields = {
        "task_id": record.task_id,
        "intent": record.intent,
        "state_from": record.state,
        "author": person.name,
        "error_code": error.code,
    }
    written = approval.data or {}
    said = {
        "error": f"{error.code}: {error.message}",
        "comment": _text(written.get("comment"))[:MAX_COMMENT_CHARS],
        "requester_email": _text(written.get("requester_email"))[:MAX_ADDRESS_CHARS],
    }
    if record.decision.expires_at is None:
        data = _stray(record) | said
    else:
        audited = refused(written, person, error.code, approval.read_time)
        data = to_document(approval_of(record).model_copy(update=audited | said))
    try:
        await ports.store.commit(Write(approval.path, data, approval.version))
    except Conflict:
        return Outcome("stale_event", fields=fields)
    if not plan_is_ours(written):
        await ask_for_preview(ports, record)
    return Outcome("edit_refused", fields=fields, severity="WARNING")


def _stray(record: TaskRecord) -> Document:
    """Return the approval document of a task that nobody was asked about: somebody made it by hand."""
    return {"task_id": record.task_id, "status": "pending", "outcome": None, "expire_at": record.expire_at}


def _status_of(record: TaskRecord) -> str:
    assert record.approval is not None, "asked of decided tasks only"
    return "approved" if record.approval.decision == "approve" else "rejected"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
