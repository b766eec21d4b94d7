"""One task in; everything that became of it on its way through the real steps out, with effects on a sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from functions.execute.context import handler_seconds
from functions.execute.preview import look
from infra.rehearsal import Call, Rehearsal, rehearsal
from infra.trial.gate import Check, checks
from infra.trial.heard import Heard
from infra.trial.ticket import EMAIL
from infra.trial.watched import Raised, watched
from shared.errors import SwitchyardError
from shared.event.payload import View, view
from shared.gate.doors import seen
from shared.intent.registry import load_handler
from shared.model.question import Answer, Classifier, Question
from shared.records import decisions
from shared.records.decisions import AS_SHOWN, Change
from shared.settings import Settings
from shared.task.moves import Person
from shared.task.requester import requester_of
from shared.task.schemas import UNCLASSIFIED, AutomationTask, TaskRecord

PEOPLE = ("whoever tries it", "somebody beside them")


@dataclass
class Trial:
    """What happened, in this order. Empty words mean that it did not come to that."""

    task: AutomationTask
    view: View
    question: Question
    classifier: str  # the setting, or that its answer is pretended
    answer: Answer | None  # as the gate got it; None: the model gave none, see `refusal`
    refusal: str
    instead_of: str  # what the classifier said, where the intent to try took its place
    checks: list[Check]
    record: TaskRecord  # as it stands at the end
    order: str = ""  # the order that was made the requester's in the sandbox
    plan: str = ""
    approval: str = ""
    planned: list[Call] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    raised: list[Raised] = field(default_factory=list)


async def play(
    task: AutomationTask, settings: Settings, classifier: Classifier | None, *, wanted: str, answer: str
) -> Trial:
    """Play the task through. Without a classifier `answer` is taken for the model's.

    Where the classifier names another intent than `wanted`, what the text states for the wanted one takes its place.

    Raises:
        Retry: the model is not available.
    """
    heard = Heard(classifier, answer, wanted)
    try:
        # Who may approve is not what is tried; and a model that is down is said at once.
        async with rehearsal(replace(settings, approvers={}), heard) as stage:
            heard.registry = stage.ports.registry
            record = await stage.classify(task)
            assert heard.question is not None, "a task that is classified was asked about"
            trial = Trial(
                task,
                view(task.source, task.raw_payload, task.metadata),
                heard.question,
                settings.classifier if classifier else "nobody was asked",
                heard.answer,
                heard.refusal,
                heard.instead_of,
                checks(record, heard.answer, task, stage.ports),
                record,
            )
            await _handle(trial, stage)
            return trial
    finally:
        await heard.close()


async def _handle(trial: Trial, stage: Rehearsal) -> None:
    """Look at the plan, approve if it paused, and run it."""
    if trial.record.intent == UNCLASSIFIED:
        trial.approval = "nobody can approve it as it is: there are no valid parameters of an intent"
        return
    number = str(trial.record.shown_parameters.get("order_id", "")).lstrip("#")
    if stage.desk.orders.get(number):  # numbers that the sandbox does not know stay unknown: that is a case to try
        trial.order = stage.own_order(trial.record)
    handler = watched(load_handler(trial.record.intent), trial.record.intent, trial.raised)
    trial.plan = await _plan(trial.record, stage, handler)
    trial.planned = list(stage.calls)
    trial.approval = await _approve(trial, stage)
    if trial.record.state == "READY":
        trial.record = await stage.execute(trial.record, handler)
    trial.calls = stage.calls[len(trial.planned) :]
    trial.effects = stage.effects()


async def _plan(record: TaskRecord, stage: Rehearsal, handler: Any) -> str:
    if not hasattr(handler, "plan"):
        return "the handler has no plan()"
    intent = stage.ports.registry[record.intent]
    deadline = asyncio.get_running_loop().time() + handler_seconds(intent)
    return await look(record, stage.ports, intent, handler, deadline)


async def _approve(trial: Trial, stage: Rehearsal) -> str:
    """Approve what waits, as a person would; say so, or why that cannot be."""
    record = trial.record
    if record.state != "AWAITING_APPROVAL":
        return "not needed"
    channels = stage.ports.registry[record.intent].policy.channels
    try:
        # Whoever approves says whose request it is, where the event does not.
        change = Change(requester_email=None if requester_of(record).get("email") else EMAIL)
        for name in PEOPLE:
            person = Person(name, "console" if "console" in channels else "cli")
            record = await decisions.decide(stage.ports, record.task_id, person, "approve", seen(record), change)
            if record.state != "AWAITING_APPROVAL":
                break
            change = AS_SHOWN
        trial.record = record
    except SwitchyardError as error:
        return f"it paused, and cannot be approved: {error.message} ({error.code})"
    return "it paused for a person; approved here without one, to go on"
