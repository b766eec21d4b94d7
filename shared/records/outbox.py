"""Paying what a committed document owes: publish its outbox; a failure leaves the debt to the sweeper.

A preview is asked for with the same message, and owed by nobody.
"""

from __future__ import annotations

from shared.errors import Conflict, Retry
from shared.logs import log
from shared.records.documents import task_path, to_document
from shared.task.schemas import MAX_OUTPUT_CHARS, SCHEMA_VERSION, ResultMessage, TaskReady, TaskRecord
from shared.task.upkeep import delivered
from shared.task.waiting import is_spared
from shared.topics import ASK, RESULTS, lane
from shared.wiring.composition import Ports
from shared.wiring.ports import Write


async def pay(ports: Ports, record: TaskRecord, version: str) -> None:
    """Publish what `record`, committed as `version`, owes. Never raises: the document owns the task now.

    An intent's message stays owed until a claim proves that it arrived; a result is cleared as soon as it is published.
    """
    outbox = record.outbox
    if outbox is None:
        return
    try:
        await ports.publisher.publish(outbox.topic, _message(record), _attributes(record))
        if outbox.topic == RESULTS:
            cleared = to_document(delivered(record))
            await ports.store.commit(Write(task_path(record.task_id), cleared, version))
    except Conflict:
        pass  # somebody has moved the task on, and looks after what it owes
    except Retry as error:
        log(
            "WARNING",
            "not paid; the sweeper will",
            task_id=record.task_id,
            topic=outbox.topic,
            error_code=error.code,
            trace_id=record.trace_id,
            outcome="outbox_left",
        )


async def ask_for_preview(ports: Ports, record: TaskRecord) -> bool:
    """Ask the executor of a waiting task, which alone may speak to the provider, what would happen; best effort.

    False: the task does not wait, has no valid parameters yet, or the message could not be published.
    """
    intent = ports.registry.get(record.intent)
    if record.state != "AWAITING_APPROVAL" or intent is None or not record.parameters:
        return False
    try:
        await ports.publisher.publish(intent.topic, _pointer(record), _attributes(record))
    except Retry as error:
        log(
            "WARNING",
            "no preview was asked for",
            task_id=record.task_id,
            topic=intent.topic,
            error_code=error.code,
            trace_id=record.trace_id,
            outcome="preview_lost",
        )
        return False
    return True


async def ask_model(ports: Ports, record: TaskRecord) -> bool:
    """Ask for the model's word on a waiting task whose call was spared; best effort.

    False: the model was asked, the task does not wait, or the message could not be published.
    """
    if not is_spared(record):
        return False
    try:
        await ports.publisher.publish(lane(record.priority), _pointer(record), _attributes(record) | {ASK: "1"})
    except Retry:
        return False
    return True


def _attributes(record: TaskRecord) -> dict[str, str]:
    return {"schema_version": str(SCHEMA_VERSION), "trace_id": record.trace_id}


def _pointer(record: TaskRecord) -> bytes:
    return TaskReady(task_id=record.task_id, generation=record.generation).model_dump_json().encode()


def _message(record: TaskRecord) -> bytes:
    if record.outbox is not None and record.outbox.topic != RESULTS:
        return _pointer(record)
    result = record.result
    assert result is not None, "a terminal task has a result"
    from shared.event.masking import mask  # only results need it, and its patterns take longer than all other imports

    return (
        ResultMessage(
            **vars(result) | {"output": mask(result.output)[:MAX_OUTPUT_CHARS]},
            task_id=record.task_id,
            intent=record.intent,
            state=record.state,
            generation=record.generation,
        )
        .model_dump_json()
        .encode()
    )
