"""A dead letter as it is stored, `dead_letters/{sha256(subscription|message id)}`. Datetimes are aware UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.task.schemas import Model


class LetterRow(Model):
    """What lists read of a dead letter: its document without the message."""

    schema_version: Literal[1] = 1
    subscription: str
    message_id: str
    task_id: str | None
    reason: str = Field(description="Stable code: why it is here")
    truncated: bool = False
    source: str = Field(default="", description="Whose verified webhook could not be read; empty: no webhook")
    media: str = Field(default="", description="What that webhook's body was declared to be")
    outcome: str = Field(description="What was done with the task it belongs to")
    redriven_at: datetime | None = Field(default=None, description="When a person saw to it; null: it is open")
    redriven_by: str | None = None
    redriven_why: str = ""
    created_at: datetime
    expire_at: datetime | None = Field(description="TTL: the store deletes the document after this; null: it is open")


class DeadLetter(LetterRow):
    """The document `dead_letters/{sha256(subscription|message id)}`: a message nobody could finish."""

    traceparent: str = Field(default="", description="The span that published it, in W3C's form, where it was traced")
    data: str = Field(description="The message's bytes as base64: of a longer one the first 720 KiB")
