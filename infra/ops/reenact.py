"""A record and today's policy in, what would be different today out: played again in memory, with effects on a sandbox.

The model's recorded answer takes the place of the model. Nothing outside this process is read or written; how much the
requester was given automatically today is therefore not known, and counts as nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from functions.classify.step import classify
from functions.execute.step import execute
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from infra.sandbox.app import create_app
from shared.errors import SwitchyardError
from shared.event.requester import Author
from shared.intent.registry import load_handler
from shared.model.question import Answer, Question
from shared.records import decisions
from shared.records.decisions import Wish
from shared.records.documents import task_path, to_record
from shared.serving.push import Delivery
from shared.settings import Settings
from shared.task.moves import Person
from shared.task.requester import requester_of
from shared.task.schemas import AutomationTask, TaskReady, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.lanes import Lane, Pool


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
    )


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
    sandbox = create_app()
    email = requester_of(then).get("email", "")
    if isinstance(order := then.shown_parameters.get("order_id"), str):
        known = {"id": order.lstrip("#"), "customer_email": email, "total_minor": 10**9, "status": "processing"}
        known["currency"] = then.shown_parameters.get("currency", "USD")
        sandbox.state.desk.orders.seed([known])
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(Path(folder))
        pool = _SandboxPool(sandbox)
        try:
            ports = Ports(settings, EmbeddedStore(database), _NoBus(), random.Random(1))  # noqa: S311  no secret
            vars(ports).update(classifier=_Recorded(then), pool=pool, people=_Known(email))
            refused = await _play(ports, then)
            (found,) = await ports.store.read(task_path(then.task_id))
        finally:
            await pool.close()
            await database.close()
    effects = [
        {"vendor": e.vendor, "operation": e.operation, "subject": e.subject, "amount_minor": e.amount_minor}
        for e in sandbox.state.desk.ledger.entries
    ]
    return Reenacted(to_record(found), effects, refused)


async def _play(ports: Ports, then: TaskRecord) -> str:
    """Classify, decide as somebody did, execute; return why the decision would be refused."""
    task = AutomationTask(
        task_id=then.task_id,
        source=then.source,
        raw_payload=then.raw_payload,
        priority=then.priority,
        metadata=then.metadata,
    )
    await classify(_delivery(task.model_dump_json()), ports)
    record = await _record(ports, then.task_id)
    refused, said = "", then.approval
    if record.state == "AWAITING_APPROVAL" and said is not None:
        whose = requester_of(then).get("email")
        told = whose if whose != requester_of(record).get("email") else None
        wish = Wish(said.decision, record.params_hash, then.intent, then.parameters, said.comment, told)
        if said.decision == "reject":
            wish = Wish(said.decision, record.params_hash, comment=said.comment)
        try:
            record = await decisions.decide(ports, then.task_id, Person(said.by, said.channel), wish)
        except SwitchyardError as error:
            refused = f"{error.code}: {error.message}"
    if record.state == "READY":
        message = TaskReady(task_id=then.task_id, generation=record.generation)
        intent = ports.registry[record.intent]
        await execute(_delivery(message.model_dump_json()), ports, intent, load_handler(record.intent))
    return refused


async def _record(ports: Ports, task_id: str) -> TaskRecord:
    (found,) = await ports.store.read(task_path(task_id))
    return to_record(found)


def _delivery(data: str) -> Delivery:
    return Delivery("reenacted", data.encode(), {"trace_id": ""}, datetime.now(UTC), "reenacted", None)


class _Recorded:
    """A `Classifier` that says again what the model said."""

    def __init__(self, then: TaskRecord) -> None:
        self._then = then.classification
        self.model = then.classification.model

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        then = self._then
        said = {"intent": then.intent, "parameters": then.parameters, "confidence": then.confidence}
        return Answer(then.said or json.dumps(said), then.model, then.tokens_used, then.latency_ms)

    async def close(self) -> None:
        return None


class _Known:
    """`People` who know what the record knows: nobody is looked up a second time."""

    def __init__(self, email: str) -> None:
        self._email = email

    async def email_of(self, author: Author) -> str | None:
        return self._email or None


class _NoBus:
    """A `Publisher` whose messages go nowhere: the next step is called directly."""

    async def publish(self, topic: str, data: bytes, attributes: Any) -> str:
        return "0"

    async def close(self) -> None:
        return None


class _SandboxPool(Pool):
    """Every provider is the sandbox in this process, whatever its address."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), headers={"authorization": "Bearer sandbox"}
        )

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        return Lane(self._client, asyncio.Semaphore(max_in_flight))

    async def close(self) -> None:
        await self._client.aclose()
