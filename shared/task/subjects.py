"""What was asked about one business subject, by any task from anywhere: the memory behind `Policy.once_per`. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from shared.task.schemas import Model, TaskId

MAX_WISHES = 50


class Wish(Model):
    """What one task wants done about a business subject, and since when its effect may have begun."""

    task_id: TaskId
    intent: str
    at: datetime = Field(description="When it was asked for")
    started_at: datetime | None = None


class Subject(Model):
    """The document `effects/{subject}`: everything that was asked about one order, payment or account, by anybody."""

    schema_version: Literal[1] = 1
    wishes: list[Wish] = Field(max_length=MAX_WISHES, description="Oldest first; the oldest are dropped")
    expire_at: datetime


def like(subject: Subject | None, intents: Collection[str], since: datetime, task_id: str) -> tuple[Wish, ...]:
    """Return the wishes of other tasks for one of these intents that were asked since then, oldest first."""
    known = subject.wishes if subject else []
    return tuple(w for w in known if w.task_id != task_id and w.intent in intents and w.at >= since)


def with_wish(subject: Subject | None, wish: Wish, kept_for: timedelta, now: datetime) -> Subject:
    """Return the subject with this wish; what the same task asked before about it stays where it was."""
    known = list(subject.wishes) if subject else []
    places = [n for n, w in enumerate(known) if w.task_id == wish.task_id]
    if places:
        known[places[0]] = wish.model_copy(update={"at": known[places[0]].at})
    else:
        known.append(wish)
    expire_at = max(now + kept_for, subject.expire_at) if subject else now + kept_for
    return Subject(wishes=known[-MAX_WISHES:], expire_at=expire_at)
