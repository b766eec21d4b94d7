"""Consume what a person wrote into an approval document, with the identity that the event carries.

The document is read again: an event says only that it changed, who changed it, and which version that made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import BadRequest, Gone, NotFound
from shared.records.approvals import is_open
from shared.records.documents import approval_path, task_path, to_record
from shared.records.edits import UNATTRIBUTED, consume
from shared.serving.entry import Outcome
from shared.task.moves import Person
from shared.wiring.composition import Ports


@dataclass(frozen=True, slots=True)
class ApprovalChanged:
    """A document event: which approval, who wrote it, and the update time of that write."""

    task_id: str
    author: str
    version: str


def read_event(headers: Mapping[str, str], body: bytes) -> ApprovalChanged:
    """Return the change that a Firestore CloudEvent (`...document.v1.*.withAuthContext`, protobuf) tells of.

    Raises:
        BadRequest: `invalid_event`.
    """
    from google.events.cloud.firestore_v1 import DocumentEventData

    collection, _, task_id = headers.get("ce-document", "").partition("/")
    if collection != "approvals" or not task_id or "/" in task_id:
        raise BadRequest("not an event of a document approvals/{task_id}", code="invalid_event", field="ce-document")
    try:
        value = DocumentEventData.deserialize(body).value
        version = value.update_time.rfc3339() if value.update_time else ""
    except Exception:
        raise BadRequest("the body is not a DocumentEventData", code="invalid_event") from None
    return ApprovalChanged(task_id, headers.get("ce-authid") or UNATTRIBUTED, version)


async def resume(event: ApprovalChanged, ports: Ports) -> Outcome:
    """Apply the decision in the approval document, or write into it why it cannot be applied.

    Raises:
        StoreUnavailable: the event comes again.
    """
    (approval,) = await ports.store.read(approval_path(event.task_id))
    fields = {"task_id": event.task_id}
    if approval.data is None or (event.version and not _same_moment(event.version, approval.version)):
        # Deleted, or edited again: that later edit has its own event, with its own author.
        return Outcome("stale_event", fields=fields)
    if is_open(approval.data):  # such as our own writing of it, or a person's half-made edit
        return Outcome("nothing_to_do", fields=fields)
    (task,) = await ports.store.read(task_path(event.task_id))
    try:
        return await consume(ports, approval, to_record(task), Person(event.author, "firestore"))
    except Gone as gone:  # such as the emptying of the document itself
        return Outcome(gone.code, fields=fields)
    except NotFound:
        return Outcome("no_task", fields=fields, severity="WARNING")


def _same_moment(one: str, other: str) -> bool:
    """Compare two RFC 3339 times in UTC, whatever trailing zeros they carry: writers differ in that."""
    return one.removesuffix("Z").rstrip("0").rstrip(".") == other.removesuffix("Z").rstrip("0").rstrip(".")
