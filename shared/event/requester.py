"""Who wrote an event's words: a reading in, the vendor account that the platform authenticated out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.event.payload import requester_in
from shared.event.reading import Reading

EMAIL = "/requester/email"
LOOKED_UP = "the users API of "  # begins `vouched_by` where the source's own people were asked
MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever wrote these very words.

    `site` is the account of ours that the event came to: Zendesk's account id, Slack's team, Jira's host. `id` is the
    vendor's id of the person there. `email` only where the event itself names an address; else it can be looked up by
    the id.
    """

    source: str
    site: str
    id: str
    email: str | None = None


def author_of(source: str, reading: Reading) -> Author | None:
    """Return who wrote an event's words, or None where the platform does not say, or says: somebody of elsewhere."""
    known = requester_in(reading)
    email = known.get("email")
    if not (known.get("id") or email) or "foreign_workspace" in reading.doubts:
        return None
    return Author(source, reading.site, known.get("id", ""), email)


def vouched(known: Mapping[str, str], email: str, by: str) -> dict[str, str]:
    """Return what is known of a requester with an address that the event itself does not name, and who named it."""
    return {**known, "email": email, "vouched_by": by[:MAX_NAME_CHARS]}
