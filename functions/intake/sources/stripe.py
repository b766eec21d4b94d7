"""Stripe events."""

from __future__ import annotations

from functions.intake.sources import Fact, Headers, Payload, Source, at, joined
from shared.event.signatures import verify_stripe


def read(payload: Payload, headers: Headers) -> Fact:
    """Identify by the event's id, which every retry keeps."""
    return Fact(joined(at(payload, "id")))


SOURCE = Source("stripe", verify_stripe, read)
