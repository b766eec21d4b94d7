"""Slack Events API callbacks."""

from __future__ import annotations

from functions.intake.sources import Challenge, Fact, Headers, Ignore, Payload, Source, at, joined
from shared.errors import BadRequest
from shared.event.signatures import verify_slack

MAX_CHALLENGE_CHARS = 1000
# Subtypes that are still a person's own new message; all others are edits, joins, topics and bots.
PERSONAL = frozenset({None, "file_share", "thread_broadcast", "me_message"})


def read(payload: Payload, headers: Headers) -> Fact | Ignore | Challenge:
    """Identify by channel and ts: Slack redelivers with another event id, and a mention comes as two events.

    Raises:
        BadRequest: `invalid_challenge`, a handshake without the value to give back.
    """
    event = at(payload, "event")
    if at(payload, "type") == "url_verification":
        return _challenge(at(payload, "challenge"))
    if not isinstance(at(event, "text"), str):
        return Ignore("no_message")
    subtype = at(event, "subtype")
    if at(event, "bot_id") or not isinstance(subtype, str | None) or subtype not in PERSONAL:
        return Ignore("not_a_persons_message")
    return Fact(joined(at(event, "channel"), at(event, "ts")))


def _challenge(value: object) -> Challenge:
    if not isinstance(value, str) or len(value) > MAX_CHALLENGE_CHARS:
        raise BadRequest("challenge must be a short string", code="invalid_challenge", field="/challenge")
    return Challenge(value)


SOURCE = Source("slack", verify_slack, read)
