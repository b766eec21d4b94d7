"""GitHub webhooks of a repository or an organisation."""

from __future__ import annotations

from functions.intake.sources import Fact, Headers, Ignore, Payload, Source, joined
from shared.event.signatures import verify_github


def read(payload: Payload, headers: Headers) -> Fact | Ignore:
    """Identify by the delivery's id, which a manual redelivery keeps; the ping of a new webhook asks nothing."""
    if headers.get("x-github-event") == "ping":
        return Ignore("ping")
    return Fact(joined(headers.get("x-github-delivery")))


SOURCE = Source("github", verify_github, read)
