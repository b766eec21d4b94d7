"""The real steps in this process, one called after the other: a task in, its record after each of them out.

Documents lie in a folder that goes at the end, there is no bus, and every provider is the sandbox. Nothing outside is
read or written; how much a requester was given automatically today is therefore not known, and counts as nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from functions.classify.step import classify
from functions.execute.step import execute
from infra.kit.memory import ports_in_memory
from infra.sandbox.app import create_app
from infra.sandbox.desk import Desk
from shared.errors import Retry
from shared.model.question import Classifier
from shared.records.documents import task_path, to_record
from shared.serving.push import Delivery
from shared.settings import Settings
from shared.task.requester import requester_of
from shared.task.schemas import AutomationTask, TaskReady, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.people import People


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a provider, as it answered. `key` is its idempotency key, empty where it had none."""

    method: str
    target: str  # path and query
    key: str
    status: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the steps use, and what the providers saw: `calls` in order, and the effects in the ledger of `desk`."""

    ports: Ports
    desk: Desk
    calls: list[Call]

    async def classify(self, task: AutomationTask) -> TaskRecord:
        """Ask the classifier and decide.

        Raises:
            Retry: the model is not available.
        """
        await classify(_delivery(task.model_dump_json()), self.ports)
        return await self.record(task.task_id)

    async def execute(self, record: TaskRecord, handler: Any) -> TaskRecord:
        """Run one attempt of a READY task; it is READY again where the bus would bring it once more."""
        message = TaskReady(task_id=record.task_id, generation=record.generation)
        with suppress(Retry):
            await execute(_delivery(message.model_dump_json()), self.ports, self.ports.registry[record.intent], handler)
        return await self.record(record.task_id)

    async def record(self, task_id: str) -> TaskRecord:
        """Return the task as it stands."""
        (found,) = await self.ports.store.read(task_path(task_id))
        return to_record(found)

    def own_order(self, record: TaskRecord) -> str:
        """Let the order that a task speaks of be one of its requester's, paid amply; return its number, if any."""
        said, email = record.shown_parameters, requester_of(record).get("email", "")
        self.desk.orders.belong(said, email)
        return str(said.get("order_id", "")).lstrip("#")

    def effects(self) -> list[dict[str, Any]]:
        """Return what the sandbox applied."""
        return [
            {"vendor": e.vendor, "operation": e.operation, "subject": e.subject, "amount_minor": e.amount_minor}
            for e in self.desk.ledger.entries
        ]


@asynccontextmanager
async def rehearsal(
    settings: Settings, classifier: Classifier, people: People | None = None
) -> AsyncIterator[Rehearsal]:
    """Set everything up, and leave nothing behind."""
    sandbox, calls = create_app(), list[Call]()
    transport = _Noted(httpx.ASGITransport(sandbox), calls)
    async with ports_in_memory(settings, classifier, transport) as (ports, _, _):
        if people is not None:
            vars(ports).update(people=people)
        yield Rehearsal(ports, sandbox.state.desk, calls)


def _delivery(data: str) -> Delivery:
    return Delivery("rehearsed", data.encode(), {"trace_id": ""}, datetime.now(UTC), "rehearsed", None)


class _Noted(httpx.AsyncBaseTransport):
    """A transport that notes every request it has got an answer to."""

    def __init__(self, inner: httpx.AsyncBaseTransport, calls: list[Call]) -> None:
        self._inner = inner
        self._calls = calls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began = time.perf_counter()
        answer = await self._inner.handle_async_request(request)
        target, key = request.url.raw_path.decode("ascii"), request.headers.get("idempotency-key", "")
        latency_ms = round((time.perf_counter() - began) * 1000, 1)
        self._calls.append(Call(request.method, target, key, answer.status_code, latency_ms))
        return answer
