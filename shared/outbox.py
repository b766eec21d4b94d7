"""Paying what a committed document owes: publish its outbox; a failure leaves the debt to the sweeper."""

from __future__ import annotations

from shared.composition import Ports
from shared.errors import Conflict, Retry
from shared.lifecycle import delivered
from shared.logs import log
from shared.ports import Write
from shared.schemas import SCHEMA_VERSION, ResultMessage, TaskReady, TaskRecord
from shared.tasks import task_path, to_document
from shared.topics import RESULTS


async def pay(ports: Ports, record: TaskRecord, version: str) -> None:
    """Publish what `record`, committed as `version`, owes. Never raises: the document owns the task now.

    An intent's message stays owed until a claim proves that it arrived; a result is cleared as soon as it is published.
    """
    outbox = record.outbox
    if outbox is None:
        return
    attributes = {"schema_version": str(SCHEMA_VERSION), "trace_id": record.trace_id}
    try:
        await ports.publisher.publish(outbox.topic, _message(record), attributes)
        if outbox.topic == RESULTS:
            cleared = to_document(delivered(record))
            await ports.store.commit(Write(task_path(record.task_id), cleared, version))
    except Conflict:
        pass  # somebody has moved the task on, and looks after what it owes
    except Retry as error:
        log(
            "WARNING", "not paid; the sweeper will", task_id=record.task_id, topic=outbox.topic,
            error_code=error.code, trace_id=record.trace_id, outcome="outbox_left",
        )  # fmt: skip


def _message(record: TaskRecord) -> bytes:
    if record.outbox is not None and record.outbox.topic != RESULTS:
        return TaskReady(task_id=record.task_id, generation=record.generation).model_dump_json().encode()
    result = record.result
    assert result is not None, "a terminal task has a result"
    return (
        ResultMessage(
            **result.model_dump(),
            task_id=record.task_id,
            intent=record.intent,
            state=record.state,
            generation=record.generation,
        )
        .model_dump_json()
        .encode()
    )
