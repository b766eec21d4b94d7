"""Jira issue and comment webhooks."""

from __future__ import annotations

from functions.intake.sources import Fact, Headers, Payload, Source, at, joined
from shared.event.signatures import verify_jira

PRIORITIES = {"highest": 5, "high": 4}


def read(payload: Payload, headers: Headers) -> Fact:
    """Identify by issue and changelog; a creation has no changelog, and a comment has an id of its own."""
    issue = at(payload, "issue", "id")
    comment = at(payload, "comment")
    key = (
        joined(issue, at(payload, "changelog", "id"))
        or joined(issue, "comment", at(comment, "id"), at(comment, "updated"))
        or joined(issue, at(payload, "webhookEvent"))
    )
    return Fact(key, PRIORITIES.get(str(at(payload, "issue", "fields", "priority", "name")).lower(), 1))


SOURCE = Source("jira", verify_jira, read)
