"""Whose webhooks are taken: a path in, the sender and how it signs out. What they say is read in `shared.event`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.intake.bodies import CLOUDEVENTS, FORM, JSON
from shared.errors import BadRequest, NotFound
from shared.event import signatures
from shared.event.signatures import Verify

VENDORS: Mapping[str, Verify] = {
    "zendesk": signatures.verify_zendesk,
    "jira": signatures.verify_jira,
    "slack": signatures.verify_slack,
    "github": signatures.verify_github,
    "stripe": signatures.verify_stripe,
}
# Who sends what besides JSON: GitHub's settings offer a form first, Slack's commands and shortcuts are forms.
MEDIA: Mapping[str, tuple[str, ...]] = {"github": (JSON, FORM), "slack": (JSON, FORM)}
MAX_CHALLENGE_CHARS = 1000
DIRECT = "direct"  # who may POST /: its secret is no webhook's
# No two names share a variable: see `shared.settings.secrets_of`.
NAME, MAX_NAME_CHARS = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*"), 63


@dataclass(frozen=True, slots=True)
class Source:
    """A sending system: `verify` checks the raw bytes, which are declared to be one of `media`."""

    name: str
    verify: Verify
    media: tuple[str, ...]


def source_at(path: str) -> Source:
    """Return the source of a webhook's path: `/<vendor>`, or `/hooks/<source>` for anybody who signs as Stripe does.

    Raises:
        NotFound: there is no such route; the message says which there are.
    """
    name = path.removeprefix("/")
    if name in VENDORS:
        return Source(name, VENDORS[name], MEDIA.get(name, (JSON,)))
    name = name.removeprefix("hooks/")
    if path.startswith("/hooks/") and name in VENDORS:
        raise NotFound(f"{name} signs in its own way: use /{name}", field="path")
    if path.startswith("/hooks/") and name == DIRECT:
        raise NotFound("what DIRECT_WEBHOOK_SECRET signs is sent to /", field="path")
    if not path.startswith("/hooks/") or not NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise NotFound("use /, /hooks/<source> or one of /" + ", /".join(sorted(VENDORS)), field="path")
    return Source(name, signatures.verify_generic, (JSON, CLOUDEVENTS))


def challenge_of(payload: Mapping[str, Any]) -> str:
    """Return what Slack's handshake wants back, as proof that we own the route.

    Raises:
        BadRequest: `invalid_challenge`, a handshake without the value to give back.
    """
    value = payload.get("challenge")
    if not isinstance(value, str) or len(value) > MAX_CHALLENGE_CHARS:
        raise BadRequest("challenge must be a short string", code="invalid_challenge", field="/challenge")
    return value
