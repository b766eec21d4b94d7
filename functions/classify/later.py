"""A waiting task whose call was spared in, and opened by a person; what the model says of it, into task and approval.

Decides nothing: the task waits on. Whatever goes wrong, it waits as it did; opened again, the model is asked again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from functions.classify.asking import ask
from shared.errors import Skip, SwitchyardError
from shared.gate.plan import plan, speaks_to_machine
from shared.gate.policy import Usage
from shared.model import prompt
from shared.records.approvals import change_both
from shared.records.documents import task_path, to_record
from shared.records.routing import classifier_of, routing
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.task.requester import view_of
from shared.task.schemas import AutomationTask, TaskReady, TaskRecord
from shared.task.waiting import is_spared, suggested
from shared.wiring.composition import Ports


async def ask_later(delivery: Delivery, ports: Ports) -> Outcome:
    """Ask the model about the task that the message names, once, and put down what it says.

    Always acknowledged: whoever opens the task again asks again.
    """
    try:
        pointer = delivery.read_as(TaskReady, "invalid_pointer")
        after = await _asked(pointer, ports)
    except SwitchyardError as error:
        return Outcome(error.code)
    fields = {"task_id": after.task_id, "intent": after.intent, "tokens_used": after.classification.tokens_used}
    return Outcome("asked_late", fields=fields)


async def _asked(pointer: TaskReady, ports: Ports) -> TaskRecord:
    (snapshot,) = await ports.store.read(task_path(pointer.task_id))
    before = to_record(snapshot)
    if before.generation != pointer.generation or not is_spared(before):
        raise Skip(code="already_done")
    task = AutomationTask(
        task_id=before.task_id, source=before.source, raw_payload=before.raw_payload, priority=before.priority
    )
    seen, settings = view_of(before), ports.settings
    routed = await routing(ports)
    built = prompt.build(task, seen, ports.registry, disabled=settings.disabled_intents, rules=routed.rules)
    question = replace(built, insists=True, alone=speaks_to_machine(seen))
    answer = await ask(question, classifier_of(routed, ports))

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        if record.generation != before.generation:
            raise Skip(code="already_done")
        planned = plan(task, seen, answer, answer.prompt_version, ports.registry, settings, Usage(), now, draw=1.0)
        return suggested(record, planned, now)

    return (await change_both(ports, before.task_id, arrow))[1]
