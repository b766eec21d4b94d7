"""What is left of an ended task once its record is removed: enough to answer every replay of its event, and no payload.

Signed webhooks without a timestamp can be replayed for ever, so a tombstone is never deleted. Pure.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from shared.errors import Refused
from shared.event.payload import content_hash, view
from shared.task.schemas import TERMINAL, Model, SourceName, State, TaskId, TaskRecord

MEMBER = "tombstone"  # of the document; lists filter and order by other names, so none of them finds it


class Tombstone(Model):
    """The member `tombstone` of the document `tasks/{task_id}`, once the record is removed."""

    task_id: TaskId
    source: SourceName
    payload_sha256: str
    content_sha256: str = Field(description="Of what it said and who said it: another delivery may differ in the rest")
    intent: str
    state: State = Field(description="In which state the task ended")
    ended_at: datetime
    effect_key: str = Field(description="The key by which the provider knows what was done")


def tombstone_of(record: TaskRecord) -> Tombstone:
    """Return what is left of a record.

    Raises:
        Refused: `not_ended`, or `result_owed`: nobody has heard yet how it ended.
    """
    if record.state not in TERMINAL:
        raise Refused(f"the task is {record.state}; only an ended task is removed", code="not_ended")
    if record.outbox is not None:
        raise Refused("the task's result is not published yet; try again in a minute", code="result_owed")
    payload = record.raw_payload
    return Tombstone(
        task_id=record.task_id,
        source=record.source,
        payload_sha256=record.payload_sha256,
        content_sha256=content_hash(view(record.source, payload, record.metadata), payload),
        intent=record.intent,
        state=record.state,
        ended_at=record.updated_at,
        effect_key=record.effect_key,
    )


def to_document(tombstone: Tombstone) -> dict[str, Any]:
    """Return the document that takes the record's place."""
    return {"schema_version": 1, MEMBER: tombstone.model_dump()}
