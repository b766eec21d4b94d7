"""A whole world in memory for tests of steps: store, bus, model and provider, with a clock that tests move.

The store passes the same contract suite as the real ones.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.composition import Ports
from shared.errors import CommitUnknown, Conflict, PublishFailed, StoreUnavailable, SwitchyardError
from shared.intents import Registry, discover
from shared.ports import ABSENT, Answer, Document, Filter, Question, Snapshot, Write
from shared.push import Delivery
from shared.schemas import AutomationTask, TaskRecord
from shared.settings import Settings
from shared.tasks import task_path, to_record

BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class MemoryStore:
    """Documents in a dict. `fail_next` holds errors to raise: before the write, or after it for CommitUnknown."""

    def __init__(self) -> None:
        self.now = BEGINNING
        self.documents: dict[str, tuple[Document, str]] = {}
        self.commits = 0
        self.fail_next: list[SwitchyardError | None] = []
        self._tick = 0

    async def read(self, *paths: str) -> list[Snapshot]:
        return [self._snapshot(p) for p in paths]

    async def commit(self, *writes: Write) -> list[str]:
        error = self.fail_next.pop(0) if self.fail_next else None
        if error is not None and not isinstance(error, CommitUnknown):
            raise error
        for w in writes:
            _, version = self.documents.get(w.path, ({}, ABSENT))
            if w.expected is not None and w.expected != version:
                raise Conflict
        versions = []
        for w in writes:
            self._tick += 1
            version = f"{self.now:%Y-%m-%dT%H:%M:%S}.{self.now.microsecond:06d}{self._tick % 1000:03d}Z-{self._tick}"
            self.documents[w.path] = (copy.deepcopy(w.data), version)
            versions.append(version)
        self.commits += 1
        if error is not None:
            raise error
        return versions

    async def query(
        self,
        collection: str,
        *,
        where: Sequence[Filter] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: Snapshot | None = None,
    ) -> list[Snapshot]:
        found = [self._snapshot(p) for p in sorted(self.documents) if p.startswith(f"{collection}/")]
        found = [s for s in found if all(_matches(s.data or {}, f) for f in where)]

        def key(s: Snapshot) -> tuple[Any, str]:
            return ((s.data or {}).get(order_by) if order_by else 0, s.path)

        if order_by:
            found = [s for s in found if order_by in (s.data or {})]
        found.sort(key=key, reverse=descending)
        if after is not None:
            found = [s for s in found if (key(s) < key(after) if descending else key(s) > key(after))]
        return found[:limit]

    async def close(self) -> None:
        return None

    def _snapshot(self, path: str) -> Snapshot:
        data, version = self.documents.get(path, (None, ABSENT))
        return Snapshot(path, copy.deepcopy(data), version, self.now)


def _matches(data: Document, f: Filter) -> bool:
    if f.field not in data:
        return False
    value = data[f.field]
    return value == f.value if f.op == "==" else value is not None and value <= f.value


class MemoryPublisher:
    """Remembers what was published; `broken` makes every publish fail."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, dict[str, str]]] = []
        self.broken = False

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        if self.broken:
            raise PublishFailed("the bus is down")
        self.messages.append((topic, data, dict(attributes)))
        return str(len(self.messages))

    async def close(self) -> None:
        return None

    def on(self, topic: str) -> list[dict[str, Any]]:
        """Return the messages of a topic, decoded."""
        return [json.loads(data) for t, data, _ in self.messages if t == topic]


@dataclass
class ScriptedModel:
    """Answers what it is told to, in order; the last one for ever. An exception is raised."""

    answers: list[Any] = field(default_factory=list)
    calls: int = 0
    model: str = "scripted"

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Answer(text=text, model=self.model, tokens_used=120, latency_ms=5.0)

    async def close(self) -> None:
        return None


class ScriptedHandler:
    """A handler module: counts its calls and does what it is told, in order."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes) or ["done"]
        self.calls: list[tuple[Any, Any]] = []

    async def handle(self, params: Any, ctx: Any) -> Any:
        self.calls.append((params, ctx))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        if callable(outcome):
            return await outcome(params, ctx)
        return outcome


REGISTRY: Registry = discover()


class World:
    """Ports on memory, and short ways to drive the steps."""

    def __init__(self, answer: Any = None, **settings: Any) -> None:
        self.store = MemoryStore()
        self.publisher = MemoryPublisher()
        self.model = ScriptedModel([answer])
        self.ports = Ports(Settings(**settings), self.store, self.publisher, random.Random(7))
        self.ports.__dict__["registry"] = REGISTRY
        self.ports.__dict__["classifier"] = self.model
        self._messages = 0

    def pass_time(self, **duration: float) -> None:
        """Move the store's clock."""
        self.store.now += timedelta(**duration)

    def delivery(
        self, data: bytes | str, *, message_id: str = "", attributes: Mapping[str, str] | None = None,
        subscription: str = "tasks", published_at: datetime | None = None,
    ) -> Delivery:  # fmt: skip
        """Return a push delivery of `data`."""
        self._messages += 1
        raw = data if isinstance(data, bytes) else data.encode()
        return Delivery(
            message_id or f"m{self._messages}", raw, dict(attributes or {"trace_id": "0" * 32}),
            published_at or self.store.now, subscription, None,
        )  # fmt: skip

    async def classify(self, task: AutomationTask, **delivery: Any) -> Any:
        """Run the classify step on a task."""
        from functions.classify.step import classify

        return await classify(self.delivery(task.model_dump_json(), **delivery), self.ports)

    async def execute(self, task_id: str, handler: Any, *, generation: int = 1, message_id: str = "") -> Any:
        """Run the execute step of the task's intent."""
        from functions.execute.step import execute

        record = await self.record(task_id)
        pointer = json.dumps({"task_id": task_id, "generation": generation, "schema_version": 1})
        delivery = self.delivery(pointer, message_id=message_id, subscription="intent")
        return await execute(delivery, self.ports, REGISTRY[record.intent], handler)

    async def sweep(self) -> dict[str, int]:
        """Run the sweep step."""
        from functions.sweep.step import sweep

        return dict((await sweep(self.ports)).body or {})

    async def record(self, task_id: str) -> TaskRecord:
        """Return a task's record."""
        return to_record((await self.store.read(task_path(task_id)))[0])

    async def approval(self, task_id: str) -> Document:
        """Return a task's approval document."""
        data = (await self.store.read(f"approvals/{task_id}"))[0].data
        assert data is not None
        return data


def ticket(text: str, *, task_id: str = "t1", email: str = "kim@example.com", **more: Any) -> AutomationTask:
    """Return a task of our own help desk."""
    payload = {"subject": "Help", "text": text, "requester": {"email": email, "id": "u1"}}
    return AutomationTask(task_id=task_id, source="helpdesk", raw_payload=payload, **more)


def says(intent: str, confidence: Any = 0.95, **parameters: Any) -> dict[str, Any]:
    """Return a model answer."""
    return {"intent": intent, "parameters": parameters, "confidence": confidence}


__all__ = ["ScriptedHandler", "StoreUnavailable", "World", "says", "ticket"]
