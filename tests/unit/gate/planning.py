"""An answer of the model in, what the gate plans out: as the tests of the gate have it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from shared.event.payload import view
from shared.gate.plan import plan
from shared.gate.policy import Usage
from shared.gate.start import start_refusal
from shared.intent.registry import Registry
from shared.model.question import Answer
from shared.settings import Settings
from shared.task.birth import Plan, born
from shared.task.schemas import AutomationTask, TaskRecord
from tests.store import BEGINNING
from tests.world import GOODS, REFUND, REGISTRY, says

REFUND_PARAMETERS = {"order_id": "#10021", "amount_minor": 2500, "currency": "USD"}
REFUND_ANSWER = says("refund_request", **REFUND_PARAMETERS)
STATUS = {"intent": "order_status", "parameters": {"order_id": "#47384"}, "confidence": 0.95}
LEFT_OUT = "answer_mended: parameters that the intent does not have were left out"
UNUSED = Usage()
OPEN = Settings(automatic={"refund_request": 5000, "password_reset": None, **GOODS})


def planned(
    answer: Any,
    task: AutomationTask,
    *,
    settings: Settings = OPEN,
    usage: Usage = UNUSED,
    registry: Registry = REGISTRY,
    draw: float = 0.99,
) -> Plan:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    said = Answer(text, "m", tokens_used=120, latency_ms=5.0)
    return plan(task, view(task.source, task.raw_payload), said, "p1", registry, settings, usage, BEGINNING, draw=draw)


def codes(decided: Plan) -> list[str]:
    return [reason.partition(":")[0] for reason in decided.decision.reasons]


def record(case: tuple[AutomationTask, Any] = REFUND, settings: Settings = OPEN) -> TaskRecord:
    task, answer = case
    return born(task, planned(answer, task, settings=settings), BEGINNING, retention=timedelta(days=1))


def refusal(r: TaskRecord, settings: Settings = OPEN, *, off: bool = False) -> str | None:
    return start_refusal(r, REGISTRY[r.intent], settings, switched_off=off)
