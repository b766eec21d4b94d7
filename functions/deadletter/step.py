"""A dead letter never vanishes: its task goes to a person, or is told by its start marker, and its bytes are parked."""

from __future__ import annotations

from shared.errors import BadRequest, Gone, NotFound, Skip
from shared.event.masking import masked
from shared.event.payload import read, view_of
from shared.gate.plan import degraded
from shared.records.creation import create
from shared.records.documents import change, task_path
from shared.records.outbox import pay
from shared.records.parking import park
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.task import repair
from shared.task.schemas import AutomationTask, TaskReady, TaskRecord
from shared.topics import EVENTS, TASKS, TASKS_EXPRESS
from shared.wiring.composition import Ports

SOURCE_ATTRIBUTE = "CloudPubSubDeadLetterSourceSubscription"


async def deadletter(delivery: Delivery, ports: Ports) -> Outcome:
    """Move the task of a dead letter, then park the letter; both are safe to repeat.

    Raises:
        StoreUnavailable: the letter comes again.
    """
    source = delivery.attributes.get(SOURCE_ATTRIBUTE, "")
    message = _message_in(delivery, source.removeprefix(ports.settings.topic_prefix))
    if isinstance(message, AutomationTask):
        task_id, end = message.task_id, await _never_classified(ports, message, delivery)
    elif isinstance(message, TaskReady):
        task_id, end = message.task_id, await _never_finished(ports, message)
    else:
        task_id, end = None, Outcome(message)
    await park(ports, delivery, reason="dead_lettered", task_id=task_id, outcome=end.code, subscription=source)
    fields = {"task_id": task_id, "subscription": source, "error_code": end.code, **end.fields}
    return Outcome("parked", fields=fields, severity="ERROR")


def _message_in(delivery: Delivery, lane: str) -> AutomationTask | TaskReady | str:
    """Return what a lane carries, or the code of why this letter is none of it."""
    try:
        if lane in (EVENTS, TASKS, TASKS_EXPRESS):
            return delivery.read_as(AutomationTask, "undecodable")
        if lane.startswith("intent-"):
            return delivery.read_as(TaskReady, "undecodable")
    except BadRequest as error:
        return error.code
    return "undecodable"


async def _never_classified(ports: Ports, task: AutomationTask, delivery: Delivery) -> Outcome:
    """Give the task to a person as `unclassified`, unless it has a record after all."""
    (snapshot,) = await ports.store.read(task_path(task.task_id))
    if snapshot.data is not None:
        return Outcome("has_a_record")
    reading = read(task.source, task.raw_payload, task.metadata)
    if reading.echo is not None or reading.does == "deleted":  # it asks nothing: people see the letter
        return Outcome("nothing_to_revise")
    seen = view_of(reading)
    try:
        created = await create(
            ports,
            task,
            seen,
            lambda _, at: degraded("dead_lettered", ports.settings, at),
            texts=masked(seen).texts,
            now=snapshot.read_time,
            trace_id=delivery.trace_id,
        )
    except Gone:
        return Outcome("has_a_record")
    return _entered("", created.record) if created.is_new else Outcome("has_a_record")


async def _never_finished(ports: Ports, message: TaskReady) -> Outcome:
    """End the task by its start marker, unless it moved on without this message."""
    try:
        changed = await change(
            ports.store, message.task_id, lambda r, now: repair.dead_lettered(r, message.generation, now)
        )
    except Skip as skip:
        return Outcome(skip.code)
    except Gone as gone:
        return Outcome(gone.code)
    except NotFound:
        return Outcome("no_task")
    await pay(ports, changed.after, changed.version)
    return _entered(changed.before.state, changed.after)


def _entered(before: str, record: TaskRecord) -> Outcome:
    """Say which state the dead letter brought its task into."""
    fields = {"source": record.source, "intent": record.intent, "state_from": before, "state_to": record.state}
    return Outcome(record.state.lower(), fields=fields)
