"""A verified payload in; the task it becomes, or why it asks nothing of anybody, out. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from shared.event.payload import fact_id, read
from shared.event.reading import Reading
from shared.task.schemas import AutomationTask

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,59}")


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is answered with 200 and counted: `reason` is a stable word, `kind` the sender's name of it."""

    reason: str
    kind: str


def take(source: str, payload: dict[str, Any], listens_to: Collection[str] = ()) -> AutomationTask | Ignored:
    """Return the task of an event that says something, or changes or settles what was said before.

    `listens_to` holds `<source>:<voice>` of whoever else may ask: `bot`, `staff`, `private_note`.

    Raises:
        pydantic.ValidationError: the payload is over its limit once it is written as canonical JSON.
    """
    reading = read(source, payload)
    if reason := _why_not(source, reading, listens_to):
        # A sender of any kind chooses this word: what is none stays out of logs and counts.
        return Ignored(reason, reading.kind if _KIND.fullmatch(reading.kind) else "other")
    return AutomationTask(
        task_id=fact_id(source, reading), source=source, raw_payload=payload, priority=reading.urgency
    )


def _why_not(source: str, reading: Reading, listens_to: Collection[str]) -> str:
    """Return the stable reason why nobody is asked about an event, or an empty string."""
    if reading.ignored:
        return reading.ignored
    if reading.echo is not None:
        return "" if reading.echo.verdict else "own_effect"
    if reading.voice != "person" and f"{source}:{reading.voice}" not in listens_to:
        return reading.voice
    if reading.does == "deleted" and not reading.fact.by_words:
        return ""  # nobody is asked, but what it takes back may be waiting
    # What may be words in members that nobody has named is never taken for silence.
    return "" if reading.has_words or reading.unread else "no_words"
