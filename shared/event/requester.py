"""Who wrote an event's words: a payload in, the vendor account that the platform authenticated out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from shared.event.payload import View, requester

EMAIL = "/requester/email"


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever wrote these very words.

    `site` is the account of ours that the event came to: Zendesk's account id, Slack's team, Jira's host. `id` is the
    vendor's id of the person there. `email` only where the event itself names an address that the platform vouches
    for (`verified`); else it can be looked up by the id.
    """

    source: str
    site: str
    id: str
    email: str | None = None
    verified: bool = False


def author_of(source: str, payload: Mapping[str, Any]) -> Author | None:
    """Return who wrote an event's words, or None where the platform does not say, or says: somebody of elsewhere."""
    known = requester(source, payload)
    email = known.get("email")
    if not (known.get("id") or email) or _is_outsider(source, payload):
        return None
    return Author(source, _site(source, payload), known.get("id", ""), email, verified=email is not None)


def with_email(view: View, email: str, vouched_by: str) -> View:
    """Return the view with an address of the requester that the event itself does not name, and who named it."""
    known = {**view.fields.get("requester", {}), "email": email, "vouched_by": vouched_by}
    return replace(view, fields={**view.fields, "requester": known})


def _site(source: str, payload: Mapping[str, Any]) -> str:
    if source == "zendesk":
        return _text(payload.get("account_id"))
    if source == "slack":
        return _text(payload.get("team_id"))
    issue = payload.get("issue")
    if source == "jira" and isinstance(issue, dict) and isinstance(issue.get("self"), str):
        try:
            return urlsplit(issue["self"]).hostname or ""
        except ValueError:
            return ""
    return ""


def _is_outsider(source: str, payload: Mapping[str, Any]) -> bool:
    """Whether a Slack message of a shared channel was written by somebody of another workspace."""
    event = payload.get("event")
    if source != "slack" or not isinstance(event, dict):
        return False
    teams = {event[name] for name in ("team", "user_team", "source_team") if isinstance(event.get(name), str)}
    return bool(teams - {payload.get("team_id")})


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
