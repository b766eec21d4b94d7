"""What Firestore's event of a document says: the task, who wrote, what was there before and after."""

from __future__ import annotations

from typing import Any

import pytest

from functions.resume.step import read_event
from shared.errors import BadRequest
from shared.records.edits import NOBODY, Edit
from shared.task.moves import Person

# --- the event


def document_event(value: Any = None, old_value: Any = None) -> bytes:
    from google.events.cloud.firestore_v1 import DocumentEventData

    name = {"name": "projects/p/databases/(default)/documents/approvals/t1"}
    sides = {"value": value, "old_value": old_value}
    event = {side: name | {"fields": fields} for side, fields in sides.items() if fields is not None}
    return bytes(DocumentEventData.serialize(DocumentEventData(event)))


HEADERS = {"ce-document": "approvals/t1", "ce-authid": "kay@example.com", "ce-authtype": "unknown"}
SET = {"status": {"string_value": "approved"}, "missing": {"integer_value": 1}, "plan_at": {"null_value": 0}}


def test_event_names_the_task_its_author_and_the_document_before_and_after() -> None:
    edit = read_event(HEADERS, document_event(SET, {"status": {"string_value": "pending"}}))
    after = {"status": "approved", "missing": 1, "plan_at": None}
    assert edit == Edit("t1", Person("kay@example.com", "firestore"), {"status": "pending"}, after)
    assert edit.changed == {"status", "missing"}
    assert read_event(HEADERS, document_event(SET)).before is None
    assert read_event(HEADERS, document_event(None, SET)).after is None


@pytest.mark.parametrize(
    ("name", "kind", "is_person"),
    [
        ("kay@example.com", "unknown", True),
        ("kay@example.com", "service_account", False),
        ("kay@example.com", "api_key", False),
        ("kay@example.com", "system", False),
        ("kay@example.com", "unauthenticated", False),
        ("kay@example.com", "", False),
        ("run-notify@p.iam.gserviceaccount.com", "unknown", False),
    ],
)
def test_only_the_kind_of_people_makes_a_person(name: str, kind: str, is_person: bool) -> None:
    headers = {"ce-document": "approvals/t1", "ce-authid": name, "ce-authtype": kind}
    assert read_event(headers, document_event()).author == Person(name, "firestore", is_person)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("o%27neil%20x@example.com", "o'neil x@example.com"),
        ("j%C3%B8rn@example.com", "j\u00f8rn@example.com"),
        ("kay%FF@example.com", "kay%FF@example.com"),
        ("100%25@example.com", "100%@example.com"),
    ],
)
def test_author_is_named_as_before_the_header_was_encoded(header: str, name: str) -> None:
    headers = {"ce-document": "approvals/t1", "ce-authid": header, "ce-authtype": "unknown"}
    assert read_event(headers, document_event()).author.name == name


def test_event_without_an_author_is_nobodys() -> None:
    assert read_event({"ce-document": "approvals/t1", "ce-authtype": "unknown"}, document_event()).author is NOBODY


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({"ce-document": "tasks/t1"}, b""),
        ({"ce-document": "approvals/"}, b""),
        ({"ce-document": "approvals/t1/notes/n1"}, b""),
        (HEADERS, b"\xff\xff\xff\xff not protobuf"),
    ],
)
def test_anything_else_is_no_event(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadRequest) as error:
        read_event(headers, body)
    assert error.value.code == "invalid_event"
