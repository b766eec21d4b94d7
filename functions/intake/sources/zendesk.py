"""Zendesk event webhooks, and trigger webhooks whose JSON an admin wrote."""

from __future__ import annotations

from functions.intake.sources import Fact, Headers, Payload, Source, at, joined
from shared.event.signatures import verify_zendesk

PRIORITIES = {"urgent": 5, "high": 4}


def read(payload: Payload, headers: Headers) -> Fact:
    """Identify by the event's id; a trigger has none, so by ticket and its last change."""
    ticket = at(payload, "detail") or at(payload, "ticket") or payload
    is_event = str(at(payload, "type")).startswith("zen:")
    key = joined(at(payload, "id")) if is_event else joined(at(ticket, "id"), at(ticket, "updated_at"))
    return Fact(key, PRIORITIES.get(str(at(ticket, "priority")).lower(), 1))


SOURCE = Source("zendesk", verify_zendesk, read)
