"""Consume what somebody wrote into an approval document: the event says who it was, and what was there before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from urllib.parse import unquote

from shared.errors import BadRequest, Gone, NotFound
from shared.records.edits import NOBODY, Edit, take
from shared.serving.entry import Outcome
from shared.task.moves import Person, is_program
from shared.wiring.composition import Ports
from shared.wiring.ports import Document

PEOPLE = "unknown"  # Eventarc's word for whoever is none of its kinds of programs


def read_event(headers: Mapping[str, str], body: bytes) -> Edit:
    """Return the write that a Firestore CloudEvent (`...document.v1.*.withAuthContext`, protobuf) tells of.

    Raises:
        BadRequest: `invalid_event`.
    """
    from google.events.cloud.firestore_v1 import DocumentEventData

    collection, _, task_id = headers.get("ce-document", "").partition("/")
    if collection != "approvals" or not task_id or "/" in task_id:
        raise BadRequest("not an event of a document approvals/{task_id}", code="invalid_event", field="ce-document")
    try:
        event = DocumentEventData.pb(DocumentEventData.deserialize(body))
        before = _fields(event.old_value.fields) if event.HasField("old_value") else None
        after = _fields(event.value.fields) if event.HasField("value") else None
    except Exception:
        raise BadRequest("the body is not a DocumentEventData", code="invalid_event") from None
    return Edit(task_id, _author(headers), before, after)


async def resume(edit: Edit, ports: Ports) -> Outcome:
    """Apply what was written, or write into the document why it cannot be applied.

    Raises:
        StoreUnavailable: the event comes again.
    """
    fields = {"task_id": edit.task_id}
    try:
        return await take(ports, edit)
    except Gone as gone:  # such as the emptying of the document itself
        return Outcome(gone.code, fields=fields)
    except NotFound:
        return Outcome("no_task", fields=fields, severity="WARNING")


def _author(headers: Mapping[str, str]) -> Person:
    name = _decoded(headers.get("ce-authid", ""))
    if not name:
        return NOBODY
    is_person = headers.get("ce-authtype") == PEOPLE and not is_program(name)
    return Person(name, "firestore", is_person)


def _decoded(text: str) -> str:
    """Return an attribute as it was before CloudEvents' HTTP binding percent-encoded what a header cannot hold."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:  # it never was encoded
        return text


def _fields(fields: Mapping[str, Any]) -> Document:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    """Return what a `Value` holds, as the store gives it; of types that we never write, something equal to itself."""
    match kind := value.WhichOneof("value_type"):
        case "null_value" | None:
            return None
        case "map_value":
            return _fields(value.map_value.fields)
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "timestamp_value":
            return value.timestamp_value.ToDatetime(UTC)
        case "boolean_value" | "integer_value" | "double_value" | "string_value":
            return getattr(value, kind)
        case _:
            return getattr(value, kind) if kind == "bytes_value" else str(value)
