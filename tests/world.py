"""A whole world in memory for tests of steps: store, bus, model and provider, with a clock that tests move."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import functions_framework.aio

from shared.canonical import params_hash, sha256_hex
from shared.gate.doors import Look, seen
from shared.intent.registry import Registry, discover
from shared.model.local import LocalClassifier
from shared.records.documents import task_path, to_record
from shared.records.edits import Edit
from shared.serving.push import MAX_DATA_BYTES, Delivery
from shared.settings import Settings
from shared.task.label import Label
from shared.task.letter import DeadLetter
from shared.task.moves import Person
from shared.task.schemas import AutomationTask, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document
from tests.scripted import MemoryPublisher, ScriptedModel, ScriptedNetwork
from tests.store import BEGINNING, MemoryStore

S = TypeVar("S", bound=MemoryStore)

# Steps measure short spans by their own clock while the store's stands still.
SLACK = timedelta(milliseconds=50)


REGISTRY: Registry = discover()
LOCAL = LocalClassifier(REGISTRY)  # which learns once


class World:
    """Ports on memory, and short ways to drive the steps. `now` is the store's clock."""

    def __init__(self, answer: Any = None, **settings: Any) -> None:
        self.now = BEGINNING
        self.network = ScriptedNetwork()
        self.store = MemoryStore(lambda: self.now, self.network)
        self.publisher = MemoryPublisher()
        self.model = ScriptedModel([answer])
        self.ports = Ports(Settings(**settings), self.store, self.publisher, random.Random(7))
        self.ports.__dict__["registry"] = REGISTRY
        self.ports.__dict__["classifier"] = self.ports.desk.before(self.model)
        self.ports.__dict__["local"] = LOCAL
        self._messages = 0
        self._edited: dict[str, Document | None] = {}  # task -> its approval document before the last edit

    def pass_time(self, **duration: float) -> None:
        """Move the store's clock."""
        self.now += timedelta(**duration) + SLACK

    def bury(self, name: str, task_id: str | None = None, **fields: Any) -> str:
        """Leave a dead letter of topic `tasks`, and return its id."""
        letter_id = sha256_hex(name.encode())
        letter = DeadLetter(
            subscription="tasks",
            message_id=name,
            task_id=task_id,
            reason="dead_lettered",
            data="e30=",
            outcome="failed",
            created_at=self.now,
            expire_at=self.now,
        )
        self.store.put(f"dead_letters/{letter_id}", **(letter.model_dump() | fields))
        return letter_id

    def keep_in(self, kind: Callable[[Callable[[], datetime], ScriptedNetwork], S]) -> S:
        """Move the documents into a store of another kind, and return it."""
        store = kind(lambda: self.now, self.network)
        store.load(self.store.documents)
        self.store = self.ports.store = store
        return store

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
            raw[:MAX_DATA_BYTES],
            dict(attributes or {"trace_id": "0" * 32}),
            published_at or self.now,
            subscription,
            None,
            len(raw) > MAX_DATA_BYTES,
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
        from shared.records.decisions import Change, decide

        look = await self.look(task_id, **{n: wish.pop(n) for n in ("generation", "params_hash") if n in wish})
        person = Person(by, wish.pop("channel", "console"))
        said = {name: wish.pop(name) for name in ("comment", "cause") if name in wish}
        return await decide(self.ports, task_id, person, decision, look, Change(**wish), **said)

    async def look(self, task_id: str, **other: Any) -> Look:
        """Return what somebody sees of a task now, or what they saw otherwise."""
        return replace(seen(await self.record(task_id)), **other)

    async def resume(self, task_id: str, edit: Edit | None = None, *, author: str = "ops@example.com") -> Any:
        """Run the resume step on the event of an edit of an approval document: the last one, or this one."""
        from functions.resume.step import resume

        data = self.store.documents.get(f"approvals/{task_id}", (None,))[0]
        edit = edit or Edit(task_id, Person(author, "firestore"), self._edited.pop(task_id, data), data)
        return await resume(replace(edit, author=Person(author, "firestore")), self.ports)

    async def edit(self, task_id: str, /, **fields: Any) -> Edit:
        """Edit an approval document as a person in the database's console does; return what the event would tell."""
        known = self.store.documents.get(f"approvals/{task_id}")
        before = None if known is None else dict(known[0])
        self.store.write(f"approvals/{task_id}", (before or {}) | fields)
        self._edited[task_id] = before
        after = dict(self.store.documents[f"approvals/{task_id}"][0])
        return Edit(task_id, Person("ops@example.com", "firestore"), before, after)

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

    async def label(self, task_id: str = "t1") -> Label | None:
        """Return what a decision about a task said of the classifier, if anything did."""
        (found,) = await self.store.read(f"labels/{task_id}")
        return None if found.data is None else Label.model_validate(found.data)

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
