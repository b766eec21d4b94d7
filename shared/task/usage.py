"""What an intent did for one subject without a person: the memory behind allowances and `Policy.per_day`. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from shared.intent.declaration import MAX_A_DAY
from shared.task.schemas import Model

A_DAY = timedelta(hours=24)


class Use(Model):
    """One task that ran without a person, and the money it moved."""

    at: datetime
    minor: int = Field(default=0, description="In minor units of the currency")
    currency: str = Field(default="", description="ISO 4217 code; empty where no money moves or its intent knows one")


class Used(Model):
    """The document `usage/{intent}.{subject}`: the last 24 hours, oldest first."""

    schema_version: Literal[1] = 1
    uses: list[Use] = Field(max_length=MAX_A_DAY)
    expire_at: datetime


def recent(used: Used | None, now: datetime) -> list[Use]:
    """Return the uses of the last 24 hours: of any such span, not of a calendar's day, whose end could be awaited."""
    return [use for use in used.uses if use.at > now - A_DAY] if used else []


def with_use(used: Used | None, use: Use) -> Used:
    """Return the document with one more use; after a day nothing is read of it."""
    return Used(uses=[*recent(used, use.at), use], expire_at=use.at + 2 * A_DAY)
