"""The source systems: tickets of all six intents, sent until somebody accepts them, some of them twice."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from functions.intake.incoming import IncomingRequest
from functions.intake.step import receive_webhook
from infra.sandbox.orders import derived
from shared.errors import BadRequest, PublishFailed, Retry
from shared.task.schemas import AutomationTask
from shared.topics import EVENTS, lane
from tests.simulation import stories
from tests.simulation.loop import Broken

if TYPE_CHECKING:
    from tests.simulation.world import Run

# In every payload and parameter of free text: it must be in no log line.
CANARY = "zebracanary"
MAX_TRIES = 12
# As tickets come: most ask where an order is.
INTENTS = (
    ("order_status",) * 8
    + ("refund_request",) * 3
    + ("ticket_summary", "cancel_order", "change_address", "password_reset")
)
ARRIVED_AT = datetime(2026, 1, 5, tzinfo=UTC)


def begin(run: Run) -> None:
    """Start every source of the run; now and then a deployment comes in between."""
    rng = run.rng
    if rng.random() < 0.06:
        run.later(rng.uniform(10, 300), lambda: run.fleet.deploy(automatic={}))
    if rng.random() < 0.04:
        run.later(rng.uniform(10, 300), run.fleet.undeploy, rng.choice(list(run.fleet.registry)))
    for number in range(run.weather.tasks):
        task, answer = ticket(run, number)
        run.model.answers[task.raw_payload["text"]] = answer
        run.spawn(_send(run, task, rng.uniform(0, 60), rng.random()))
        stories.begin(run, number, task, answer)
        if rng.random() < 0.1:  # again, and perhaps with another payload: the first one counts
            again = task.model_copy(update={"raw_payload": task.raw_payload | rng.choice(({}, {"note": "again"}))})
            run.spawn(_send(run, again, rng.uniform(0, 60), rng.random()))


def ticket(run: Run, number: int) -> tuple[AutomationTask, dict[str, Any]]:
    """Return a ticket and what an honest model says of it."""
    rng = run.rng
    intent = rng.choice(INTENTS)
    order_id = f"{10_000 + number}"
    amount = rng.choice((1900, 4900, 12_000))
    parameters: dict[str, Any] = {"order_id": order_id}
    email = derived(order_id).customer_email if rng.random() < 0.9 else "kim@example.com"
    if intent == "refund_request":
        parameters |= {"amount_minor": amount, "currency": "USD"}
        email = rng.choice((email, "kim@example.com"))  # one customer with many orders: the allowance is per day
        payer = email if rng.random() < 0.9 else ""  # Stripe does not always know
        run.provider.orders.seed([{"id": order_id, "customer_email": payer, "total_minor": 20_000}])
    elif intent == "change_address":
        parameters |= {"new_address": f"{number} {CANARY} Road"}
    elif intent == "password_reset":
        parameters = {"email": email}
    elif intent == "ticket_summary":
        parameters = {"summary": f"{CANARY} {number}"}
    text = f"{CANARY} order {order_id}, {amount // 100}.{amount % 100:02} USD, {number} {CANARY} Road"
    payload = {"text": text, "requester": {"email": email, "id": str(number)}}
    answer = {"intent": intent, "parameters": parameters, "confidence": rng.choice((0.99, 0.99, 0.95, 0.8, 0.6))}
    task = AutomationTask(task_id=f"t{number}", source="helpdesk", raw_payload=payload, priority=rng.choice((1, 5)))
    return task, answer


async def _send(run: Run, task: AutomationTask, after_s: float, way: float) -> None:
    """Send a task until it is accepted: over HTTP, to topic `events`, or straight to its lane."""
    await asyncio.sleep(after_s)
    run.note("a source sends {}", task.task_id)
    body = task.model_dump_json().encode()
    for tries in range(MAX_TRIES):
        if await (_post(run, task, body) if way < 0.7 else _publish(run, task, body, way)):
            run.witness.owed.accepted.add(task.task_id)
            run.said.append((lane(task.priority), body))
            return run.note("{} is accepted", task.task_id)
        await asyncio.sleep(min(2.0**tries, 300))
    return run.note("the source of {} gives up", task.task_id)


async def _post(run: Run, task: AutomationTask, body: bytes) -> bool:
    async def read() -> bytes:
        return body

    request = IncomingRequest("POST", "/", {"content-type": "application/json"}, ARRIVED_AT, "", read)
    try:
        outcome = await run.request("intake", "source", lambda ports: receive_webhook(request, ports), task.task_id)
    except (Retry, Broken):
        return False
    except BadRequest as error:
        run.witness.fail("I0", f"intake refuses a good task: {error.code}")
        return False
    return outcome.status == 202


async def _publish(run: Run, task: AutomationTask, body: bytes, way: float) -> bool:
    topic = EVENTS if way < 0.9 else lane(task.priority)
    try:
        await run.request("intake", "publisher", lambda ports: ports.publisher.publish(topic, body, {}), task.task_id)
    except (PublishFailed, Broken):
        return False
    return True


def foreign_copy(data: bytes) -> bytes:
    """Return a message as a later version of ours would send it."""
    return json.dumps(json.loads(data) | {"schema_version": 2, "shard": 7}).encode()
