"""An event in; what a list shows of it, out: its ticket as people call it, and how its words begin. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.event.masking import mask
from shared.event.origin import MAX_TITLE_CHARS, headline, origin
from shared.task.schemas import Ticket


def ticket_of(source: str, payload: Mapping[str, Any], texts: Mapping[str, str], site_url: str = "") -> Ticket:
    """Return the ticket of an event; `texts` are the words of its view, masked, `site_url` as for `origin`."""
    found = origin(source, payload, site_url)
    title, words = headline(texts)
    if not title and found.title:  # somebody answered: the subject is old
        title = mask(found.title)[:MAX_TITLE_CHARS]
    return Ticket(number=found.number, url=found.url, title=title, words=words)
