"""One story told as several events: the same wish by another door, an id that comes again, words that are edited or
deleted, a refund that does not hold. Each is sent as its source would send it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions.intake.taking import take
from shared.errors import PublishFailed
from shared.event.payload import read
from shared.task.schemas import AutomationTask
from shared.topics import EVENTS, lane
from tests.simulation.loop import Broken

if TYPE_CHECKING:
    from tests.simulation.world import Run

# Intents whose effects on one order are the same wish, written apart from their declarations.
LIKE: Mapping[str, frozenset[str]] = {
    "refund_request": frozenset({"refund_request", "cancel_order"}),
    "cancel_order": frozenset({"refund_request", "cancel_order"}),
    "change_address": frozenset({"change_address"}),
}
MAX_TRIES = 12


def words_of(source: str, payload: Mapping[str, Any]) -> str:
    """Return what somebody said in an event; a story's event has one text."""
    return next((t for t in read(source, payload).texts.values() if isinstance(t, str)), "")


def begin(run: Run, number: int, task: AutomationTask, answer: dict[str, Any]) -> None:
    """Tell more of the story that `task` begins, now and then."""
    chance = run.rng.random()
    if chance < 0.12 and answer["intent"] in LIKE:
        run.spawn(_by_another_door(run, number, task, answer))
    elif chance < 0.18:
        run.spawn(_under_the_same_id(run, number, task, answer))
    elif chance < 0.26:
        run.spawn(_taken_back(run, number, task, answer))
    elif chance < 0.4 and answer["intent"] == "refund_request":
        run.spawn(_did_not_hold(run, task.task_id))


async def _by_another_door(run: Run, number: int, task: AutomationTask, answer: dict[str, Any]) -> None:
    """The same wish, or one that excludes it, in other words, from another source, perhaps by somebody else."""
    rng = run.rng
    intent = rng.choice(sorted(LIKE[answer["intent"]]))
    parameters = {k: v for k, v in answer["parameters"].items() if intent == answer["intent"] or k == "order_id"}
    if intent == "refund_request":
        parameters = {"amount_minor": 1900, "currency": "USD"} | parameters
    text = f"{task.raw_payload['text']} by another door"
    requester = task.raw_payload["requester"] if rng.random() < 0.7 else {"email": "lee@example.com", "id": "9"}
    payload = {"text": text, "requester": requester}
    run.model.answers[text] = answer | {"intent": intent, "parameters": parameters}
    other = AutomationTask(task_id=f"door{number}", source="webshop", raw_payload=payload, priority=rng.choice((1, 5)))
    await asyncio.sleep(rng.uniform(0, 120))
    await tell(run, other)


async def _under_the_same_id(run: Run, number: int, task: AutomationTask, answer: dict[str, Any]) -> None:
    """Something else under an id that is known, from the same sender or from another."""
    text = f"{task.raw_payload['text']} and something else"
    run.model.answers[text] = {"intent": "order_status", "parameters": {"order_id": f"{30_000 + number}"}} | {
        "confidence": answer["confidence"]
    }
    other = task.model_copy(
        update={"source": run.rng.choice((task.source, "crm")), "raw_payload": task.raw_payload | {"text": text}}
    )
    await asyncio.sleep(run.rng.uniform(0, 120))
    await tell(run, other)


async def _taken_back(run: Run, number: int, task: AutomationTask, answer: dict[str, Any]) -> None:
    """A comment, and its edit or its deletion."""
    rng, text = run.rng, f"{task.raw_payload['text']} in a comment"
    written = _comment(number, "comment_created", text, task.raw_payload["requester"]["email"], "1")
    other = answer | {
        "parameters": answer["parameters"]
        | ({"order_id": f"{40_000 + number}"} if "order_id" in answer["parameters"] else {})
    }
    run.model.answers[text] = other
    await tell(run, written)
    await asyncio.sleep(rng.uniform(0, 300))
    if rng.random() < 0.4:
        await tell(run, _comment(number, "comment_deleted", text, "", "2"))
    else:
        edited = f"{text}, edited"
        run.model.answers[edited] = other
        await tell(run, _comment(number, "comment_updated", edited, task.raw_payload["requester"]["email"], "2"))


def _comment(number: int, event: str, text: str, email: str, updated: str) -> AutomationTask:
    author = {"accountId": f"a{number}", "emailAddress": email}
    comment = {"id": f"c{number}", "body": text, "created": "1", "updated": updated, "author": author}
    taken = take("jira", {"webhookEvent": event, "comment": comment})
    assert isinstance(taken, AutomationTask), "a comment is somebody's words"
    return taken


async def _did_not_hold(run: Run, task_id: str) -> None:
    """A refund that was made and that the bank sends back: the vendor takes it out of its books, and tells."""
    for _ in range(20):
        await asyncio.sleep(run.rng.uniform(30, 300))
        held = [e for e in run.provider.of[task_id] if e.operation == "refund"]
        if held and (record := run.store.look(f"tasks/{task_id}").data) and record.get("state") == "SUCCEEDED":
            effect = held[-1]
            run.provider.take_back(effect)
            run.note("the vendor takes {} back", effect.key)
            refund = {"object": "refund", "status": "failed", "metadata": {"effect_key": effect.key}}
            taken = take("stripe", {"id": f"evt_{task_id}", "type": "refund.failed", "data": {"object": refund}})
            assert isinstance(taken, AutomationTask), "it settles something"
            return await tell(run, taken)
    return None


async def tell(run: Run, task: AutomationTask) -> None:
    """Publish an event until the bus has it, as intake does; then it is accepted."""
    body, topic = task.model_dump_json().encode(), run.rng.choice((EVENTS, lane(task.priority)))
    for tries in range(MAX_TRIES):
        try:
            await run.request("intake", "publisher", lambda p: p.publisher.publish(topic, body, {}), task.task_id)
        except (PublishFailed, Broken):
            await asyncio.sleep(min(2.0**tries, 300))
            continue
        run.witness.told(task)
        run.said.append((topic, body))
        return run.note("{} is told about {}", json.dumps(task.source), task.task_id)
    return None
