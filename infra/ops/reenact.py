"""A record and today's policy in, what would be different today out: played again in memory, with effects on a sandbox.

The model's recorded answer takes the place of the model.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from typing import Any

from infra.kit.memory import Says
from infra.rehearsal import Rehearsal, rehearsal
from shared.certificate import Certificate
from shared.errors import SwitchyardError
from shared.event.requester import Author
from shared.gate.doors import seen
from shared.intent.registry import load_handler
from shared.model.question import Answer
from shared.records import decisions
from shared.records.decisions import AS_SHOWN, Change
from shared.settings import Settings
from shared.task.moves import Person
from shared.task.requester import requester_of
from shared.task.schemas import AutomationTask, TaskRecord


@dataclass(frozen=True)
class Reenacted:
    """The task as it would be today, the effects that the sandbox saw, and why a recorded decision would not count."""

    record: TaskRecord
    effects: list[dict[str, Any]]
    refused: str = ""


def reenact(record: TaskRecord, policy: dict[str, Any]) -> Reenacted:
    """Play the task again."""
    return asyncio.run(_reenact(record, settings_of(policy)))


def settings_of(policy: dict[str, Any]) -> Settings:
    """Return settings that decide as the console says that it decides today."""
    return Settings(
        confidence_threshold=policy["confidence_threshold"],
        automatic=policy["automatic"],
        disabled_intents=frozenset(policy["disabled_intents"]),
        approvers={name: frozenset(people) for name, people in policy["approvers"].items()},
        certification=policy.get("certification") == "required",
        certificate=_certificate(policy.get("certificate")),
        local_certificate=_certificate(policy.get("local_certificate")),
    )


def _certificate(told: dict[str, Any] | None) -> Certificate | None:
    return Certificate.model_validate_json(json.dumps(told)) if told else None


def differences(then: TaskRecord, now: TaskRecord) -> dict[str, tuple[Any, Any]]:
    """Return what is other today, by name: as it was recorded, as it would be."""

    def told(r: TaskRecord) -> dict[str, Any]:
        codes = sorted({reason.partition(":")[0] for reason in r.decision.reasons})
        return {
            "route": r.decision.route,
            "reasons": codes,
            "intent": r.intent,
            "parameters": r.shown_parameters,
            "state": r.state,
            "output": r.result.output if r.result else None,
        }

    before, after = told(then), told(now)
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


async def _reenact(then: TaskRecord, settings: Settings) -> Reenacted:
    said = then.classification
    answer = Answer(said.said, said.model, said.tokens_used, said.latency_ms)
    model = Says(said.intent, said.parameters, said.confidence, answer)
    async with rehearsal(settings, model, people=_Known(requester_of(then).get("email", ""))) as stage:
        stage.own_order(then)
        stage.ports.random = _AsDrawn(then)
        refused = await _play(stage, then)
        return Reenacted(await stage.record(then.task_id), stage.effects(), refused)


async def _play(stage: Rehearsal, then: TaskRecord) -> str:
    """Classify, decide as somebody did, execute; return why the decision would be refused."""
    task = AutomationTask(
        task_id=then.task_id,
        source=then.source,
        raw_payload=then.raw_payload,
        priority=then.priority,
        metadata=then.metadata,
    )
    record = await stage.classify(task)
    refused, said = "", then.approval
    if record.state == "AWAITING_APPROVAL" and said is not None:
        whose = requester_of(then).get("email")
        told = whose if whose != requester_of(record).get("email") else None
        change = AS_SHOWN if said.decision == "reject" else Change(then.intent, then.parameters, told)
        try:
            for given in then.review.approvals or [said]:
                person = Person(given.by, given.channel)
                record = await decisions.decide(
                    stage.ports, then.task_id, person, said.decision, seen(record), change, given.comment
                )
                change = AS_SHOWN
        except SwitchyardError as error:
            refused = f"{error.code}: {error.message}"
    if record.state == "READY":
        await stage.execute(record, load_handler(record.intent))
    return refused


class _AsDrawn(random.Random):
    """Chance, which draws the task for a look if it was drawn then, and else not."""

    def __init__(self, then: TaskRecord) -> None:
        super().__init__(then.task_id)
        self._was_drawn = any(reason.startswith("audit:") for reason in then.decision.reasons)

    def random(self) -> float:
        return 0.0 if self._was_drawn else 1.0


class _Known:
    """`People` who know what the record knows: nobody is looked up a second time."""

    def __init__(self, email: str) -> None:
        self._email = email

    async def email_of(self, author: Author) -> str | None:
        return self._email or None
