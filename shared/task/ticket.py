"""An event in; what a list shows of it, out: its ticket as people call it, and how its words begin. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.event.origin import headline, origin
from shared.task.schemas import Ticket


def ticket_of(source: str, payload: Mapping[str, Any], texts: Mapping[str, str]) -> Ticket:
    """Return the ticket of an event whose words a view has as `texts`; masked only where it is shown."""
    found = origin(source, payload)
    title, words = headline(texts, found.title)
    return Ticket(number=found.number, url=found.url, title=title, words=words)
