"""A task whose call was spared: a person sees the local suggestion, and has the model asked by opening it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import ModelRefused, ModelUnavailable, StoreUnavailable
from shared.model.frugal import FrugalClassifier
from shared.model.local import LocalClassifier
from shared.records.outbox import ask_model
from shared.topics import ASK, TASKS
from tests.scripted import ScriptedModel
from tests.world import REGISTRY, World, says, ticket

LOCAL = LocalClassifier(REGISTRY)
SAID = says("order_status", order_id="lamp")


async def spared(*answers: Any) -> World:
    world = World()
    world.model = ScriptedModel(list(answers or (SAID,)))
    world.ports.__dict__["classifier"] = FrugalClassifier(world.model, LOCAL, REGISTRY, {"no_parameter"})
    await world.classify(ticket("where is my order, the lamp? it has not arrived"))
    return world


async def opened(world: World) -> Any:
    """Ask as the page does, and deliver the message."""
    assert await ask_model(world.ports, await world.record("t1"))
    topic, data, attributes = world.publisher.messages[-1]
    assert (topic, attributes[ASK]) == (TASKS, "1")
    return await world.classify(data, attributes=attributes)


async def test_person_sees_the_local_suggestion_and_why_nobody_was_asked() -> None:
    world = await spared()
    record = await world.record("t1")
    assert world.model.calls == 0
    assert (record.state, record.classification.intent) == ("AWAITING_APPROVAL", "order_status")
    assert record.decision.reasons[0] == "not_asked: no answer could run: order_id stands nowhere"
    assert (record.classification.model, record.classification.tokens_used) == (LOCAL.model, 0)


async def test_opened_task_has_what_the_model_says_as_a_new_generation_and_waits_on() -> None:
    world = await spared()
    before = await world.record("t1")
    assert (await opened(world)).code == "asked_late"
    after = await world.record("t1")
    assert (after.state, after.generation) == ("AWAITING_APPROVAL", 2)
    assert (after.intent, after.parameters) == ("order_status", {"order_id": "lamp"})
    assert (after.classification.model, after.classification.tokens_used) == ("scripted", 120)
    assert after.decision.reasons == ["asked_late: the model was asked when the task was opened"]
    assert after.decision.expires_at == before.decision.expires_at
    shown = await world.approval("t1")
    assert (shown["generation"], shown["intent"]) == (2, "order_status")
    decided = await world.decide("t1")
    assert decided.state == "READY"


async def test_model_is_asked_once_however_often_the_task_is_opened() -> None:
    world = await spared()
    await opened(world)
    _, data, attributes = next(m for m in world.publisher.messages if ASK in m[2])
    assert (await world.classify(data, attributes=attributes)).code == "already_done"
    assert not await ask_model(world.ports, await world.record("t1"))
    assert world.model.calls == 1


async def test_what_a_person_has_set_or_decided_stays() -> None:
    world = await spared()
    await ask_model(world.ports, await world.record("t1"))
    _, data, attributes = world.publisher.messages[-1]
    await world.decide("t1", "reject")
    assert (await world.classify(data, attributes=attributes)).code == "already_done"
    assert (await world.record("t1")).state == "REJECTED"
    assert world.model.calls == 0


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (ModelUnavailable("busy"), "model_unavailable"),
        (ModelRefused("no", code="safety_block"), "safety_block"),
    ],
)
async def test_task_waits_as_it_did_where_the_model_has_no_answer(trouble: Exception, code: str) -> None:
    world = await spared(trouble, SAID)
    before = await world.record("t1")
    assert (await opened(world)).code == code
    assert await world.record("t1") == before
    assert (await opened(world)).code == "asked_late"


@pytest.mark.parametrize("data", ["{}", "no json", '{"task_id": "t9", "generation": 1, "schema_version": 1}'])
async def test_message_that_names_no_waiting_task_is_done_with(data: str) -> None:
    world = await spared()
    outcome = await world.classify(data.encode(), attributes={ASK: "1"})
    assert outcome.status < 300
    assert world.model.calls == 0


async def test_store_that_is_away_changes_nothing() -> None:
    world = await spared()
    await ask_model(world.ports, await world.record("t1"))
    _, data, attributes = world.publisher.messages[-1]
    before = await world.record("t1")
    world.network.fail_next = [StoreUnavailable("away")]
    assert (await world.classify(data, attributes=attributes)).code == "store_unavailable"
    assert await world.record("t1") == before
