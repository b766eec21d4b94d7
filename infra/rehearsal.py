"""The real steps in this process, one called after the other: a task in, its record after each of them out.

Documents lie in a folder that goes at the end, there is no bus, and every provider is the sandbox. Nothing outside is
read or written; how much a requester was given automatically today is therefore not known, and counts as nothing.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
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
from infra.sandbox.desk import Desk
from shared.errors import Retry
from shared.event.payload import requester
from shared.model.question import Classifier
from shared.records.documents import task_path, to_record
from shared.serving.push import Delivery
from shared.settings import Settings
from shared.task.schemas import AutomationTask, TaskReady, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.lanes import Lane, Pool


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
        said = record.shown_parameters
        email = requester(record.source, record.raw_payload, record.metadata).get("email", "")
        if not isinstance(order := said.get("order_id"), str):
            return ""
        known = {"id": order.lstrip("#"), "customer_email": email, "total_minor": 10**9, "status": "processing"}
        known["currency"] = said.get("currency", "USD")
        self.desk.orders.seed([known])
        return order.lstrip("#")

    def effects(self) -> list[dict[str, Any]]:
        """Return what the sandbox applied."""
        return [
            {"vendor": e.vendor, "operation": e.operation, "subject": e.subject, "amount_minor": e.amount_minor}
            for e in self.desk.ledger.entries
        ]


@asynccontextmanager
async def rehearsal(settings: Settings, classifier: Classifier) -> AsyncIterator[Rehearsal]:
    """Set everything up, and leave nothing behind."""
    sandbox, calls = create_app(), list[Call]()
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(Path(folder))
        pool = _SandboxPool(sandbox, calls)
        try:
            ports = Ports(settings, EmbeddedStore(database), _NoBus(), random.Random(1))  # noqa: S311  no secret
            vars(ports).update(classifier=classifier, pool=pool)
            yield Rehearsal(ports, sandbox.state.desk, calls)
        finally:
            await pool.close()
            await database.close()


def _delivery(data: str) -> Delivery:
    return Delivery("rehearsed", data.encode(), {"trace_id": ""}, datetime.now(UTC), "rehearsed", None)


class _NoBus:
    """A `Publisher` whose messages go nowhere: the next step is called directly."""

    async def publish(self, topic: str, data: bytes, attributes: Any) -> str:
        return "0"

    async def close(self) -> None:
        return None


class _SandboxPool(Pool):
    """Every provider is the sandbox in this process, whatever its address."""

    def __init__(self, app: Any, calls: list[Call]) -> None:
        super().__init__()
        transport = _Noted(httpx.ASGITransport(app), calls)
        self._client = httpx.AsyncClient(transport=transport, headers={"authorization": "Bearer sandbox"})

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        return Lane(self._client, asyncio.Semaphore(max_in_flight))

    async def close(self) -> None:
        await self._client.aclose()


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
