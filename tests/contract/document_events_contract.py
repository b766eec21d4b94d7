"""What every backend promises of approvals: a write yields the CloudEvent that Eventarc would send.

A subclass named `Test...` supplies the fixtures `store` (a `Store` whose approvals are watched, empty) and
`next_event` (a coroutine of seconds to wait that returns headers and body, or None).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.events.cloud.firestore_v1 import DocumentEventData

from shared.wiring.ports import ABSENT, Document, Store, Write

NextEvent = Callable[[float], Awaitable[tuple[Mapping[str, str], bytes] | None]]

APPROVAL: Document = {
    "task_id": "t1",
    "status": "pending",
    "parameters": {"amount_minor": 2500, "currency": "EUR", "note": "naïve 🎉"},
    "confidence": 0.5,
    "reasons": ["low_confidence: 0.5", ""],
    "requested_at": datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
    "outcome": None,
}


async def take(next_event: NextEvent) -> tuple[Mapping[str, str], DocumentEventData]:
    """Return the next event, its body decoded."""
    found = await next_event(20)
    assert found is not None
    headers, body = found
    return headers, DocumentEventData.deserialize(body)


class DocumentEventsContract:
    """One event per write, with the document as it is after it."""

    async def test_written_approval_yields_its_event(self, store: Store, next_event: NextEvent) -> None:
        await store.commit(Write("approvals/t1", APPROVAL, ABSENT))
        headers, _ = await take(next_event)
        assert headers["ce-specversion"] == "1.0"
        assert headers["ce-type"] == "google.cloud.firestore.document.v1.written.withAuthContext"
        assert headers["ce-document"] == "approvals/t1"
        assert headers["ce-subject"] == "documents/approvals/t1"
        assert headers["ce-database"] == "(default)"
        project = headers["ce-project"]
        assert headers["ce-source"] == f"//firestore.googleapis.com/projects/{project}/databases/(default)"
        assert headers["ce-id"]
        assert datetime.fromisoformat(headers["ce-time"]).tzinfo is not None
        assert headers["ce-authtype"] in ("unknown", "service_account", "unauthenticated")
        assert headers["content-type"] == "application/protobuf"
        assert all(text.isascii() and text.isprintable() for text in (*headers, *headers.values()))

    async def test_body_holds_the_document(self, store: Store, next_event: NextEvent) -> None:
        await store.commit(Write("approvals/t1", APPROVAL, ABSENT))
        headers, event = await take(next_event)
        name = f"projects/{headers['ce-project']}/databases/(default)/documents/approvals/t1"
        assert event.value.name == name
        assert {key: decoded(value) for key, value in event.value.fields.items()} == APPROVAL

    async def test_event_tells_what_was_there_before(self, store: Store, next_event: NextEvent) -> None:
        """`resume` judges a write by what it changed."""
        await store.commit(Write("approvals/t1", APPROVAL, ABSENT))
        _, created = await take(next_event)
        assert not created.old_value.fields
        await store.commit(Write("approvals/t1", APPROVAL | {"status": "approved"}, None))
        _, changed = await take(next_event)
        assert {key: decoded(value) for key, value in changed.old_value.fields.items()} == APPROVAL
        assert changed.value.fields["status"].string_value == "approved"

    async def test_event_names_the_version_that_the_write_made(self, store: Store, next_event: NextEvent) -> None:
        [version] = await store.commit(Write("approvals/t1", APPROVAL, ABSENT))
        _, event = await take(next_event)
        assert event.value.update_time.rfc3339() == version

    async def test_every_write_yields_an_event_of_its_own(self, store: Store, next_event: NextEvent) -> None:
        ids = set()
        for status in ("pending", "approved", "rejected"):
            await store.commit(Write("approvals/t1", APPROVAL | {"status": status}, None))
            headers, event = await take(next_event)
            assert event.value.fields["status"].string_value == status
            ids.add(headers["ce-id"])
        assert len(ids) == 3

    async def test_every_approval_of_a_commit_yields_an_event(self, store: Store, next_event: NextEvent) -> None:
        await store.commit(Write("approvals/t1", APPROVAL, ABSENT), Write("approvals/t2", APPROVAL, ABSENT))
        seen = {(await take(next_event))[0]["ce-document"] for _ in range(2)}
        assert seen == {"approvals/t1", "approvals/t2"}

    async def test_other_collections_yield_nothing(self, store: Store, next_event: NextEvent) -> None:
        await store.commit(Write("tasks/t1", {"state": "READY", "outcome": None}, ABSENT))
        assert await next_event(1) is None

    async def test_one_write_yields_one_event(self, store: Store, next_event: NextEvent) -> None:
        await store.commit(Write("approvals/t1", APPROVAL, ABSENT))
        await take(next_event)
        assert await next_event(1) is None


def decoded(value: Any) -> Any:
    """Return the plain value of an event's `Value`."""
    raw = type(value).pb(value)
    match raw.WhichOneof("value_type"):
        case "null_value":
            return None
        case "map_value":
            return {key: decoded(item) for key, item in value.map_value.fields.items()}
        case "array_value":
            return [decoded(item) for item in value.array_value.values]
        case "timestamp_value":
            return raw.timestamp_value.ToDatetime(UTC)
        case kind:
            return getattr(raw, kind)
