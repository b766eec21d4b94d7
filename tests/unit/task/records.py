"""A record in every state, and the ways to get there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.intent.declaration import NATURAL, NONE, Intent, Limits
from shared.task import birth, execution, repair, waiting
from shared.task import redrive as redriving
from shared.task.birth import Plan
from shared.task.moves import Person
from shared.task.schemas import Classification, Decision, TaskRecord, TaskResult
from tests.store import BEGINNING
from tests.world import REGISTRY, ticket

NOW = BEGINNING
LATER = NOW + timedelta(minutes=5)
PATIENCE = timedelta(hours=72)
EXPIRY = NOW + PATIENCE
AT_EXPIRY = NOW + timedelta(seconds=60)  # of a lease that began now
OPS = Person("ops@example.com", "console")
RESULT = TaskResult(success=True, output="done", execution_time_ms=3.0, tokens_used=120)
PARAMETERS = {"order_id": "10021", "amount_minor": 2500, "currency": "USD"}
BY_KEY = replace(REGISTRY["refund_request"], limits=Limits(timeout_s=30, max_attempts=3))
KEYLESS = replace(BY_KEY, idempotency=NONE)
HARMLESS = replace(BY_KEY, idempotency=NATURAL)


def born(route: Any = "execute") -> TaskRecord:
    said = Classification(
        intent="refund_request",
        parameters=PARAMETERS,
        confidence=0.95,
        model="m",
        prompt_version="p",
        tokens_used=120,
        latency_ms=5.0,
    )
    decision = Decision(route=route, reasons=[], expires_at=EXPIRY if route == "approve" else None)
    plan = Plan("refund_request", 1, PARAMETERS, said, decision, "intent-refund-request")
    return birth.born(ticket("refund please"), plan, NOW, retention=timedelta(days=90))


def claimed(record: TaskRecord, intent: Intent = BY_KEY, now: Any = NOW, message_id: str = "m1") -> TaskRecord:
    return execution.claim(record, record.generation, intent, now, nonce="n", message_id=message_id)


def working(record: TaskRecord | None = None, intent: Intent = BY_KEY, now: Any = NOW) -> TaskRecord:
    """EXECUTING, the start marker set."""
    record = claimed(record or born(), intent, now)
    return execution.start(record, record.exec.epoch, intent, now, None)


def unknown() -> TaskRecord:
    return execution.ambiguous(working(intent=KEYLESS), 1, KEYLESS, NOW, code="timeout")


def failed() -> TaskRecord:
    return execution.fail(working(), 1, NOW, code="card_declined", message="declined")


RECORDS: dict[str, TaskRecord] = {
    "READY": born(),
    "AWAITING_APPROVAL": born("approve"),
    "EXECUTING": working(),
    "EXECUTING_UNSTARTED": claimed(born()),
    "SUCCEEDED": execution.succeed(working(), 1, RESULT, "re_1", NOW),
    "FAILED": failed(),
    "UNKNOWN": unknown(),
    "REJECTED": waiting.reject(born("approve"), OPS, NOW),
    "EXPIRED": waiting.expire(born("approve"), EXPIRY),
    "CANCELLED": repair.cancel(born(), OPS, "mistake", NOW),
}


def redrive(record: TaskRecord, **more: Any) -> TaskRecord:
    wish: dict[str, Any] = {"reason": "again", "intent": BY_KEY, "parameters": record.parameters} | more
    wish.setdefault("patience", PATIENCE)
    by, now = wish.pop("by", OPS), wish.pop("now", LATER)
    return redriving.redrive(record, by, now, **({"looked_at": now} | wish))


Arrow = Callable[[TaskRecord], TaskRecord]
BUSY = {"EXECUTING", "EXECUTING_UNSTARTED"}
