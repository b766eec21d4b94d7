"""Any other system that signs as Stripe does: `/hooks/{source}`."""

from __future__ import annotations

from functions.intake.sources import Fact, Headers, Payload, Source, at, joined
from shared.event.signatures import verify_generic


def source(name: str) -> Source:
    """Return the source called `name`."""
    return Source(name, verify_generic, read)


def read(payload: Payload, headers: Headers) -> Fact:
    """Identify by `id` or `event_id`; `priority` from 1 to 5 picks the lane."""
    key = joined(at(payload, "id")) or joined(at(payload, "event_id"))
    priority = at(payload, "priority")
    if type(priority) is int and 1 <= priority <= 5:  # not True, which is an int as well
        return Fact(key, priority)
    return Fact(key)
