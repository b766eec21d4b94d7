"""A verified payload in; the task it becomes, or why it asks nothing of anybody, out. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.errors import BadRequest
from shared.event.payload import FIELDS, content_hash, fact_id, other_id, read, view_of
from shared.event.pruning import PRUNED, pruned
from shared.event.reading import Reading
from shared.task.schemas import AutomationTask

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,59}")


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is answered with 200 and counted: `reason` is a stable word, `kind` the sender's name of it.

    `is_suspect`: the source has a map of its fields, and nothing stood where its words should be.
    """

    reason: str
    kind: str
    is_suspect: bool = False


def take(
    source: str, payload: dict[str, Any], listens_to: Collection[str] = (), names: str = ""
) -> AutomationTask | Ignored:
    """Return the task of an event that says something, or changes or settles what was said before.

    `listens_to` holds `<source>:<voice>` of whoever else may ask: `bot`, `staff`, `private_note`; `names` is the
    source's map of fields.

    Raises:
        BadRequest: `too_large`: the payload is over its limit as canonical JSON, also without what nobody reads.
    """
    # Kept with the task, so that whoever reads it later reads it by this map, whatever the setting has become.
    metadata = {FIELDS: names} if names else None
    reading = read(source, payload, metadata)
    if reason := _why_not(source, reading, listens_to):
        # A sender of any kind chooses this word: what is none stays out of logs and counts.
        kind = reading.kind if _KIND.fullmatch(reading.kind) else "other"
        return Ignored(reason, kind, is_suspect=reason == "no_words" and bool(names))

    own_id = fact_id(source, reading, payload)

    def task(of: dict[str, Any], labels: dict[str, str] | None) -> AutomationTask:
        return AutomationTask(task_id=own_id, source=source, raw_payload=of, priority=reading.urgency, metadata=labels)

    with contextlib.suppress(ValidationError):
        return task(payload, metadata)
    less, left_out = pruned(source, payload, metadata)
    try:
        return task(less, (metadata or {}) | {PRUNED: " ".join(left_out)})
    except ValidationError:
        raise BadRequest("the event is too large, also without what nobody reads", code="too_large") from None


def named(task: AutomationTask) -> dict[str, Any]:
    """Return what the sender is told of an event's task.

    `task_id` is its id; if that is already another one's, which only the store knows, it is `or_task_id`. An event that
    takes words back or proves an effect gets no task: it is told to the one that it `revises`, if there is one.
    """
    reading = read(task.source, task.raw_payload, task.metadata)
    if reading.echo is not None or reading.does == "deleted":
        return {"revises": task.task_id}
    content = content_hash(view_of(reading), task.raw_payload)
    return {"task_id": task.task_id, "or_task_id": other_id(task.source, task.task_id, reading, content)}


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
