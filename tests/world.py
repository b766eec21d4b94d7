"""A whole world in memory for tests of steps: store, bus, model and provider, with a clock that tests move.

The store passes the same contract suite as the real ones.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import functions_framework.aio

from infra.embedded.encoding import from_text, to_text
from shared.canonical import params_hash
from shared.errors import CommitUnknown, Conflict, PublishFailed, SwitchyardError
from shared.intent.registry import Registry, discover
from shared.model.question import Answer, Question
from shared.records.documents import task_path, to_record
from shared.serving.push import Delivery
from shared.settings import Settings
from shared.task.moves import Person
from shared.task.schemas import AutomationTask, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Document, Filter, Snapshot, Write

# Steps measure short spans by their own clock while the store's stands still.
SLACK = timedelta(milliseconds=50)
BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Unapplied(CommitUnknown):
    """A commit of unknown outcome that was not applied; a plain `CommitUnknown` was."""


class MemoryStore:
    """Documents in a dict; every call yields once, as a network would, so that concurrent steps interleave.

    `fail_next` holds what the next commits meet: an error, raised before the write (`CommitUnknown`: after
    it), or None.
    `before_commit` is called once, right before the next commit is checked: another writer who comes first.
    """

    def __init__(self) -> None:
        self.now = BEGINNING
        self.documents: dict[str, tuple[str, str]] = {}
        self.commits = 0
        self.fail_next: list[SwitchyardError | None] = []
        self.before_commit: Callable[[], Any] | None = None
        self._tick = 0

    async def read(self, *paths: str) -> list[Snapshot]:
        await asyncio.sleep(0)
        return [self._snapshot(p) for p in paths]

    async def commit(self, *writes: Write) -> list[str]:
        await asyncio.sleep(0)
        if self.before_commit is not None:
            interloper, self.before_commit = self.before_commit, None
            await interloper()
        texts = [to_text(w.data) for w in writes]
        error = self.fail_next.pop(0) if self.fail_next else None
        if error is not None and (not isinstance(error, CommitUnknown) or isinstance(error, Unapplied)):
            raise error
        for w in writes:
            _, version = self.documents.get(w.path, ("", ABSENT))
            if w.expected is not None and w.expected != version:
                raise Conflict
        versions = []
        for w, text in zip(writes, texts, strict=True):
            self._tick += 1
            version = self._version()
            self.documents[w.path] = (text, version)
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
        await asyncio.sleep(0)
        found = [self._snapshot(p) for p in sorted(self.documents) if p.rpartition("/")[0] == collection]
        found = [s for s in found if all(_matches(s.data or {}, f) for f in where)]

        def key(s: Snapshot) -> tuple[Any, str]:
            return ((s.data or {}).get(order_by) if order_by else 0, s.path)

        if order_by:
            found = [s for s in found if order_by in (s.data or {})]
        found.sort(key=key, reverse=descending)
        if after is not None:
            found = [s for s in found if (key(s) < key(after) if descending else key(s) > key(after))]
        return found[:limit]

    async def count(self, collection: str, *, where: Sequence[Filter] = ()) -> int:
        return len(await self.query(collection, where=where, limit=len(self.documents)))

    async def close(self) -> None:
        return None

    def _snapshot(self, path: str) -> Snapshot:
        text, version = self.documents.get(path, ("", ABSENT))
        return Snapshot(path, from_text(text) if text else None, version, self.now)

    def all(self, collection: str) -> list[Document]:
        """Return the documents of a collection, by path."""
        return [from_text(self.documents[p][0]) for p in sorted(self.documents) if p.startswith(f"{collection}/")]

    def put(self, path: str, **fields: Any) -> Document:
        """Change fields of a document as somebody in the database's console would, and return it."""
        data = (self._snapshot(path).data or {}) | fields
        self._tick += 1
        self.documents[path] = (to_text(data), self._version())
        return data

    def _version(self) -> str:
        """Return the clock with one nanosecond more for every write."""
        at = self.now + timedelta(microseconds=self._tick // 1000)
        return f"{at:%Y-%m-%dT%H:%M:%S.%f}{self._tick % 1000:03d}Z"


def _matches(data: Document, f: Filter) -> bool:
    if f.field not in data:
        return False
    value = data[f.field]
    if f.op == "==":
        return bool(value == f.value)
    return value is not None and bool(value <= f.value if f.op == "<=" else value >= f.value)


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
    """Answers what it is told to, in order; the last one for ever. An exception is raised, a coroutine awaited."""

    answers: list[Any] = field(default_factory=list)
    calls: int = 0
    model: str = "scripted"

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = await answer(question)
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


class AskingHandler(ScriptedHandler):
    """A handler that can also ask its provider what became of an effect; `verdicts` are its answers, in order."""

    def __init__(self, *outcomes: Any, verdicts: Sequence[Any]) -> None:
        super().__init__(*outcomes)
        self.verdicts = list(verdicts)
        self.asked: list[str] = []

    async def reconcile(self, effect_key: str, ctx: Any) -> Any:
        self.asked.append(effect_key)
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


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
        self.store.now += timedelta(**duration) + SLACK

    def delivery(
        self,
        data: bytes | str,
        *,
        message_id: str = "",
        attributes: Mapping[str, str] | None = None,
        subscription: str = "tasks",
        published_at: datetime | None = None,
    ) -> Delivery:
        """Return a push delivery of `data`."""
        self._messages += 1
        raw = data if isinstance(data, bytes) else data.encode()
        return Delivery(
            message_id or f"m{self._messages}",
            raw,
            dict(attributes or {"trace_id": "0" * 32}),
            published_at or self.store.now,
            subscription,
            None,
        )

    async def classify(self, task: AutomationTask | bytes, **delivery: Any) -> Any:
        """Run the classify step on a task, or on a message that is none."""
        from functions.classify.step import classify

        data = task if isinstance(task, bytes) else task.model_dump_json()
        return await classify(self.delivery(data, **delivery), self.ports)

    async def execute(
        self,
        task_id: str,
        handler: Any,
        *,
        generation: int | None = None,
        message_id: str = "",
        intent: str = "",
        data: str | None = None,
    ) -> Any:
        """Run the execute step on the message that the task's record owes, or on another one."""
        from functions.execute.step import execute

        record = await self.record(task_id)
        pointer = {"task_id": task_id, "generation": generation or record.generation, "schema_version": 1}
        sent = json.dumps(pointer) if data is None else data
        delivery = self.delivery(sent, message_id=message_id, subscription="intent")
        return await execute(delivery, self.ports, REGISTRY[intent or record.intent], handler)

    async def run(self, task: AutomationTask, handler: Any) -> TaskRecord:
        """Classify and execute a task, and return its record."""
        await self.classify(task)
        await self.execute(task.task_id, handler)
        return await self.record(task.task_id)

    async def decide(self, task_id: str, decision: Any = "approve", by: str = "ops@example.com", **wish: Any) -> Any:
        """Decide as a person at the console does, who sees the parameters as they are."""
        from shared.records.decisions import Wish, decide

        shown = (await self.record(task_id)).params_hash
        person = Person(by, wish.pop("channel", "console"))
        return await decide(self.ports, task_id, person, Wish(decision, wish.pop("params_hash", shown), **wish))

    async def resume(self, task_id: str, *, author: str = "ops@example.com", version: str | None = None) -> Any:
        """Run the resume step on the event of the last write (or of `version`) of an approval document."""
        from functions.resume.step import ApprovalChanged, resume

        if version is None:
            version = (await self.store.read(f"approvals/{task_id}"))[0].version
        return await resume(ApprovalChanged(task_id, author, version), self.ports)

    async def edit(self, task_id: str, **fields: Any) -> None:
        """Edit an approval document as a person in the database's console does."""
        self.store.put(f"approvals/{task_id}", **fields)

    async def deadletter(self, data: bytes | str, source: str, **delivery: Any) -> Any:
        """Run the deadletter step on a message that the subscription `source` gave up."""
        from functions.deadletter.step import SOURCE_ATTRIBUTE, deadletter

        attributes = {SOURCE_ATTRIBUTE: source, "trace_id": "0" * 32}
        return await deadletter(
            self.delivery(data, attributes=attributes, subscription="dead-letters", **delivery), self.ports
        )

    async def sweep(self) -> dict[str, int]:
        """Run the sweep step."""
        from functions.sweep.step import sweep

        return dict((await sweep(self.ports)).body or {})

    def set(self, **settings: Any) -> None:
        """Deploy with other settings."""
        self.ports.settings = replace(self.ports.settings, **settings)

    def tamper(self, task_id: str, parameters: dict[str, Any], *, with_hash: bool = False) -> None:
        """Change parameters in a task's document behind everybody's back."""
        record = TaskRecord.model_validate(self.store.put(task_path(task_id)))
        fields: dict[str, Any] = {"parameters": parameters}
        if with_hash:
            fields["params_hash"] = params_hash(record.intent, record.intent_version, parameters)
        self.store.put(task_path(task_id), **fields)

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


def deployed(module: Any, target: str) -> Any:
    """Return the ASGI app that functions-framework serves in the cloud for a function's module."""
    make: Any = functions_framework.aio.create_asgi_app_from_module
    return make(target, module.__file__, "http", module, module.__spec__)


# One task per kind of idempotency, each as source and model would bring it.
ORDER_STATUS = ticket("Where is my order #47384?"), says("order_status", order_id="#47384")  # natural
REFUND = (  # by_key, money, reads first
    ticket("Please refund $25.00 for order #10021, it arrived broken"),
    says("refund_request", order_id="#10021", amount_minor=2500, currency="USD"),
)
SUMMARY = ticket("Summarize this ticket for the team"), says("ticket_summary", summary="Two orders are late")  # none
CANCEL_ORDER = ticket("Cancel order #10021"), says("cancel_order", order_id="#10021")  # by_key, reads first
CHANGE_ADDRESS = (  # none, reads first
    ticket("Send order #20017 to 12 Baker Street, London"),
    says("change_address", order_id="#20017", new_address="12 Baker Street, London"),
)
PASSWORD_RESET = ticket("I forgot my password"), says("password_reset", email="kim@example.com")  # credential

GOODS: Mapping[str, int | None] = {"cancel_order": None, "change_address": None}  # an allowance of what is no money


async def started(case: tuple[AutomationTask, Any], **settings: Any) -> World:
    """Return a world in which the task of `case` was classified and is READY."""
    task, answer = case
    world = World(answer, automatic={"refund_request": 5000, **GOODS}, **settings)
    await world.classify(task)
    assert (await world.record(task.task_id)).state == "READY"
    return world


async def paused(case: tuple[AutomationTask, Any] = REFUND, **settings: Any) -> World:
    """Return a world in which the task of `case` waits for a person."""
    task, answer = case
    world = World(answer, **settings)
    await world.classify(task)
    assert (await world.record(task.task_id)).state == "AWAITING_APPROVAL"
    return world
