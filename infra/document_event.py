"""A changed approval in, the CloudEvent that Eventarc would send for it out: binary mode, headers and protobuf body."""

from __future__ import annotations

from typing import Any

from shared.canonical import sha256_hex
from shared.wiring.adapters.firestore_values import encode_fields

EVENT_TYPE = "google.cloud.firestore.document.v1.written.withAuthContext"
LOCATION = "local"


def approval_event(
    project: str,
    task_id: str,
    data: dict[str, Any] | None,
    update_time: str,
    authid: str,
    before: dict[str, Any] | None = None,
    database: str = "(default)",
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of the event of one write to `approvals/{task_id}`.

    `data` is the document after the write, or None if it was deleted; `before` the one that it replaced, if there was
    one; `update_time` is RFC 3339 with up to nine decimals; `authid` is who wrote it, or "" for nobody known. The same
    write always gives the same event id.
    """
    from google.events.cloud.firestore_v1 import DocumentEventData

    document = f"approvals/{task_id}"
    event = DocumentEventData.pb(DocumentEventData())
    for value, fields in ((event.value, data), (event.old_value, before)):
        if fields is not None:
            value.name = f"projects/{project}/databases/{database}/documents/{document}"
            encode_fields(value.fields, fields)
    if data is not None:
        event.value.update_time.FromJsonString(update_time)
    headers = {
        "content-type": "application/protobuf",
        "ce-specversion": "1.0",
        "ce-type": EVENT_TYPE,
        "ce-source": f"//firestore.googleapis.com/projects/{project}/databases/{database}",
        "ce-subject": f"documents/{document}",
        "ce-id": sha256_hex(f"{project}/{document}@{update_time}".encode())[:32],
        "ce-time": update_time,
        "ce-project": project,
        "ce-database": database,
        "ce-namespace": "(default)",
        "ce-location": LOCATION,
        "ce-document": document,
        "ce-authtype": _auth_type(authid),
    }
    return headers | ({"ce-authid": authid} if authid else {}), event.SerializeToString()


def _auth_type(authid: str) -> str:
    """Return Eventarc's word for the kind of principal: a person's account is `unknown` there."""
    if not authid:
        return "unauthenticated"
    return "service_account" if authid.endswith(".gserviceaccount.com") else "unknown"
