"""One task through the production steps, in memory: who delivers, who waits, who sweeps, and what a crash leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.classify.step import classify
from functions.execute.step import execute
from functions.sweep.step import sweep
from infra.kit.memory import Kept, MovedStore, Says, ports_in_memory
from infra.kit.provider import Crash, ScriptedProvider
from shared.errors import Retry
from shared.gate.doors import missing, seen
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.records.decisions import decide
from shared.records.documents import approval_path, task_path, to_record
from shared.serving.push import Delivery
from shared.settings import Settings
from shared.task.moves import Person
from shared.task.schemas import AutomationTask, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.providers import ProviderSettings

TASK_ID = "t1"
REDELIVERY_S = 10.0
MOST = 300  # deliveries of a message, and sweeps of a task: far more than any takes


@dataclass
class Play:
    """One task of `intent`; the bus delivers each message `deliveries` times. `crashes` counts those that came true."""

    intent: Intent
    handler: Any
    ports: Ports
    store: MovedStore
    bus: Kept
    deliveries: int = 1
    crashes: int = 0
    _messages: int = 0

    async def begin(self, text: str, requester: Mapping[str, str]) -> TaskRecord:
        """Classify what the customer wrote: the gate decides whether the task runs or waits."""
        source = min(self.intent.sources) if self.intent.sources else "helpdesk"
        payload = {"text": text, "requester": dict(requester)}
        task = AutomationTask(task_id=TASK_ID, source=source, raw_payload=payload)
        await classify(self._delivery(task.model_dump_json().encode()), self.ports)
        return await self.record()

    async def approve(self) -> None:
        """Approve as people who see the parameters as they are; nobody asked for the plan before."""
        self.bus.take(self.intent.topic)
        for number in range(missing(self.intent, await self.record())):
            person = Person(f"tester{number}@example.com", self.intent.policy.channels[0])  # type: ignore[arg-type]
            await decide(self.ports, TASK_ID, person, "approve", seen(await self.record()))

    async def until_settled(self) -> TaskRecord:
        """Deliver, wait and sweep until nothing more happens by itself; return how the task then stands."""
        for _ in range(MOST):
            for data in self.bus.take(self.intent.topic):
                self._messages += 1
                for _ in range(self.deliveries):
                    await self._deliver(data)
            record = await self.record()
            if record.state == "AWAITING_APPROVAL" or record.next_check_at is None:
                return record
            await self._wait_until(record.next_check_at)
            await sweep(self.ports)
        raise AssertionError(f"the task does not come to rest: {record.state}")

    async def plan(self) -> str | None:
        """Return what the waiting task's approval says would happen; None where the handler has no `plan`."""
        (approval,) = await self.store.read(approval_path(TASK_ID))
        return approval.data["plan"] or None if approval.data else None

    async def record(self) -> TaskRecord:
        """Return the task."""
        (found,) = await self.store.read(task_path(TASK_ID))
        return to_record(found)

    async def _deliver(self, data: bytes) -> None:
        """Deliver one message, as often as the bus would: a Retry and a killed process do not acknowledge it."""
        for _ in range(MOST):
            try:
                await execute(self._delivery(data), self.ports, self.intent, self.handler)
            except Crash:
                self.crashes += 1
                self.store.ahead += timedelta(seconds=REDELIVERY_S)
            except Retry as again:
                self.store.ahead += timedelta(seconds=again.retry_after_s or REDELIVERY_S)
            else:
                return
        raise AssertionError("a message comes again for ever")

    async def _wait_until(self, due_at: datetime) -> None:
        (clock,) = await self.store.read(task_path(TASK_ID))
        self.store.ahead += max(due_at - clock.read_time, timedelta(0))

    def _delivery(self, data: bytes) -> Delivery:
        return Delivery(f"m{self._messages}", data, {"trace_id": ""}, datetime.now(UTC), "kit", None)


@asynccontextmanager
async def playing(
    intent: Intent,
    handler: Any,
    parameters: Mapping[str, Any],
    provider: ScriptedProvider,
    *,
    confidence: float = 1.0,
    settings: Settings | None = None,
    deliveries: int = 1,
) -> AsyncIterator[Play]:
    """Yield a play of `intent` alone, whose model says these parameters and whose provider is the scripted one."""
    says = Says(intent.name, parameters, confidence)
    async with ports_in_memory(settings or Settings(), says, provider) as (ports, store, bus):
        declared = intent.provider
        found = ProviderSettings(declared.url, "token-of-the-kit", declared.options)
        vars(ports).update(registry=Registry({intent.name: intent}), providers={declared.name: found})
        yield Play(intent, handler, ports, store, bus, deliveries)
