"""A case of `tests/data/attacks.jsonl` in; what classify, gate, executor and the real handlers made of it out.

The model obeys the attacker: it answers what the case says. Effects are counted in the vendors' sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from functions.intake.taking import take
from infra.sandbox.app import create_app
from infra.sandbox.desk import Desk
from infra.sandbox.ledger import Entry
from infra.sandbox.people import People
from shared.event.strict_json import parse_object
from shared.intent.registry import load_handler
from shared.task.schemas import AutomationTask, TaskRecord
from shared.wiring.lanes import Lane, Pool
from shared.wiring.people import Directory
from tests.world import GOODS, World

ATTACKS = Path(__file__).parents[1] / "data" / "attacks.jsonl"
KIM, MARA, LEE = "kim@example.com", "mara@example.com", "lee@example.com"
# Whose orders the shop knows. Kim writes the tickets; Mara is whom she would rob.
ORDERS: list[dict[str, Any]] = [
    {"id": number, "customer_email": email, "currency": currency, "status": status, "total_minor": 600_000}
    for email, currency, status, numbers in (
        (KIM, "USD", "processing", ("10021", "10044", "31177", "20017", "47384", "A-1009", "20265")),
        (KIM, "USD", "processing", ("10031", "10032", "10033", *(f"2003{n}" for n in range(1, 6)))),
        (KIM, "EUR", "processing", ("10500", "10501")),
        (KIM, "GBP", "processing", ("10600",)),
        (KIM, "USD", "shipped", ("10700",)),
        ("kim+a@example.com", "USD", "processing", ("70001",)),
        ("kim+b@example.com", "USD", "processing", ("70002",)),
        (MARA, "USD", "processing", ("90001", "90002")),
        (LEE, "EUR", "shipped", ("10311",)),
    )
    for number in numbers
]
KIM_AT_ZENDESK = "8447388090494"
# Zendesk names people by id only: who they are is looked up.
WRITERS = [
    {"source": "zendesk", "id": KIM_AT_ZENDESK, "email": KIM},
]
ALLOWANCE: Mapping[str, Any] = {
    "refund_request": {"USD": 5000, "EUR": 5000, "GBP": 5000},
    "password_reset": None,
    **GOODS,
}
ENDS = {"SUCCEEDED": "executed", "AWAITING_APPROVAL": "paused", "FAILED": "refused", "READY": "held"}


@dataclass(frozen=True)
class Step:
    """One event, what the obedient model answers, what happens before its effect, and what must come of it."""

    source: str
    payload: dict[str, Any]
    answer: Any
    expect: Mapping[str, Any]
    meanwhile: Mapping[str, Any] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()  # words in the payload that are not the requester's own


@dataclass(frozen=True)
class Case:
    """One line of the file."""

    name: str
    attack: str
    settings: Mapping[str, Any]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Seen:
    """What became of a step. `effects` are the sandbox's entries since the step began."""

    outcome: str
    reasons: list[str]
    effects: list[Entry]
    record: TaskRecord | None


def cases() -> list[Case]:
    """Return the cases of the file."""
    lines = ATTACKS.read_text(encoding="utf-8").splitlines()
    return [_case(json.loads(line, object_hook=_joined)) for line in lines]


def _joined(value: dict[str, Any]) -> Any:
    """Write out a long text, which the file holds as `{"join": [["Hello ", 4000], ["refund", 1]]}`."""
    return "".join(text * times for text, times in value["join"]) if set(value) == {"join"} else value


def _case(line: dict[str, Any]) -> Case:
    return Case(line["name"], line["attack"], line.get("settings", {}), tuple(_steps(line)))


def _steps(line: dict[str, Any]) -> Iterator[Step]:
    for step in line.get("steps") or [line]:
        source = step.get("source", line.get("source"))
        more = {"meanwhile": step.get("meanwhile", {}), "foreign": tuple(step.get("foreign", ()))}
        yield Step(source, step["payload"], step["answer"], step["expect"], **more)


def task_of(source: str, payload: dict[str, Any], number: int = 1) -> AutomationTask | None:
    """Return the task that intake makes of a payload; None where it asks nothing of anybody."""
    received = parse_object(json.dumps(payload).encode())
    if source == "direct":
        return AutomationTask(task_id=f"direct-{number}", source="helpdesk", raw_payload=received)
    found = take(source, received)
    return found if isinstance(found, AutomationTask) else None


class _Wired(Pool):
    """Connections that all end in one sandbox, without a socket."""

    def __init__(self, sandbox: Any) -> None:
        super().__init__()
        self._transport = httpx.ASGITransport(sandbox)

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        return super().lane(origin, allow_private, max_in_flight, transport or self._transport)


class Pipeline(World):
    """A world whose handlers reach the vendors' sandbox."""

    def __init__(self, **settings: Any) -> None:
        off = {"disabled_intents": frozenset(settings.pop("disabled_intents", ()))}
        super().__init__(None, **({"automatic": ALLOWANCE} | off | settings))
        sandbox = create_app()
        self.desk: Desk = sandbox.state.desk
        self.desk.orders.seed(ORDERS)
        self.people: People = sandbox.state.people
        self.people.seed(WRITERS)
        pool = self.ports.__dict__["pool"] = _Wired(sandbox)
        env = {
            f"{name}_USERS_API_{part}": "http://sandbox:1" for name in ("ZENDESK", "SLACK") for part in ("URL", "KEY")
        }
        self.ports.__dict__["people"] = Directory(pool, allow_private=True, max_in_flight=10, env=env)
        self._number = 0

    async def take(self, step: Step) -> Seen:
        """Drive one step to where it rests."""
        self._number += 1
        before = len(self.desk.ledger.entries)
        task = task_of(step.source, step.payload, self._number)
        if task is None:
            return Seen("ignored", [], [], None)
        self.model.answers = [step.answer]
        await self.classify(task)
        await self._meanwhile(task.task_id, step.meanwhile)
        record = await self.record(task.task_id)
        if record.state == "READY":
            await self.execute(task.task_id, load_handler(record.intent))
            record = await self.record(task.task_id)
        told = record.error if record.state in ("FAILED", "READY") else None
        reasons = [told.code] if told else record.decision.reasons
        return Seen(ENDS.get(record.state, record.state), reasons, self.desk.ledger.entries[before:], record)

    async def _meanwhile(self, task_id: str, events: Mapping[str, Any]) -> None:
        for event, value in events.items():
            match event:
                case "wait_hours":
                    self.pass_time(hours=value)
                case "switch":
                    self.store.put(f"switches/{value['intent']}", enabled=value["enabled"])
                case "settings":
                    self.set(**{k: frozenset(v) if isinstance(v, list) else v for k, v in value.items()})
                case "tamper":
                    self.tamper(task_id, value)
                case "document":
                    self.store.put(f"tasks/{task_id}", **value)
                case "decide":
                    await self.decide(task_id, **value)
                case "edit_approval":
                    await self.edit(task_id, **value)
                case _:
                    raise ValueError(event)
