"""A message over the bound of what is parsed is parked, its beginning kept, by whichever step it comes to."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from functions.intake.step import receive_event
from shared.serving.push import MAX_DATA_BYTES
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, World, started

TASK = ORDER_STATUS[0].model_dump_json()
POINTER = '{"task_id":"t1","generation":1,"schema_version":1}'


async def parked(world: World) -> dict[str, Any]:
    [letter] = world.store.all("dead_letters")
    return letter


def padded(text: str) -> str:
    """Return the message, longer than it may be; whoever parsed it would find nothing wrong."""
    return text + " " * (MAX_DATA_BYTES + 1 - len(text))


async def receive(world: World, text: str) -> Any:
    return await receive_event(world.delivery(text, subscription="events"), world.ports)


async def read_again(world: World, text: str) -> Any:
    attributes = {"parked": "1", "source": "crm", "media": "application/json", "reason": "malformed_json"}
    return await receive_event(world.delivery(text, subscription="events", attributes=attributes), world.ports)


async def classify(world: World, text: str) -> Any:
    return await world.classify(text.encode())


async def execute(world: World, text: str) -> Any:
    return await world.execute("t1", ScriptedHandler(), data=text)


@pytest.mark.parametrize(
    ("step", "text", "code"),
    [
        (receive, TASK, "too_large"),
        (read_again, '{"id":"1","text":"Where is it?"}', "malformed_json"),  # as intake said, who saw the whole
        (classify, TASK, "too_large"),
        (execute, POINTER, "too_large"),
    ],
)
async def test_message_over_the_bound_is_parked_and_acknowledged(step: Any, text: str, code: str) -> None:
    world = await started(ORDER_STATUS) if step is execute else World()
    world.publisher.messages.clear()
    before = world.model.calls
    outcome = await step(world, padded(text))
    letter = await parked(world)
    assert (outcome.code, outcome.status, outcome.severity) == ("parked", 200, "ERROR")
    assert (outcome.fields["error_code"], letter["reason"], letter["truncated"]) == (code, code, True)
    assert base64.b64decode(letter["data"]).decode() == padded(text)[:-1]
    assert (world.publisher.messages, world.model.calls) == ([], before)


async def test_message_as_long_as_the_bound_is_read() -> None:
    world = World()
    assert (await receive(world, padded(TASK)[:-1])).code == "accepted"
