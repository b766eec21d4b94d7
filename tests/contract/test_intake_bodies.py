"""What a verified webhook's body may be: whatever it is, it becomes a task, is parked, or is ignored with a reason."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from functions_framework.aio import create_asgi_app_from_module

from functions.intake import main
from functions.intake.bodies import CLOUDEVENTS, FORM, JSON
from functions.intake.room import LARGE_AT_ONCE, MAX_WEBHOOK_BYTES, Room
from functions.intake.step import receive_event
from shared.errors import Refused, Retry
from shared.event.payload import view
from shared.event.signatures import sign
from shared.records.letters import redrive_letter
from shared.task.moves import Person
from shared.task.schemas import MAX_LETTER_BYTES, MAX_PAYLOAD_BYTES, AutomationTask
from shared.wiring import composition
from tests.world import World

APP = create_asgi_app_from_module("intake", main.__file__, "http", main, main.__spec__)
SECRET = b"a-secret-of-the-source-0123456789"
SCHEMES = {"/zendesk": "zendesk", "/jira": "jira", "/slack": "slack", "/github": "github", "/stripe": "stripe"}
SCHEMES |= {"/hooks/crm": "generic"}
OPS = Person("ops@example.com", "console")
ISSUE = {"action": "opened", "issue": {"id": 7, "title": "Order", "body": "Where is #1?", "user": {"login": "kim"}}}
ASK = {
    "token": "t",
    "team_id": "T1",
    "channel_id": "C1",
    "user_id": "U1",
    "user_name": "kim",
    "command": "/ask",
    "text": "where is order 47384",
    "response_url": "https://hooks.slack.com/commands/x",
    "trigger_id": "13345224609.738474920.8088930838d88f008e0",
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for path in SCHEMES:
        monkeypatch.setenv(f"{path.rpartition('/')[2].upper()}_WEBHOOK_SECRET", SECRET.decode())
    world = World()
    composition.install(world.ports)
    yield world
    composition.install(None)


async def post(path: str, body: bytes, media: str = JSON, secret: bytes = SECRET) -> httpx.Response:
    headers = {"content-type": media} | sign(SCHEMES[path], body, secret, datetime.now(UTC))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://intake") as client:
        return await client.post(path, content=body, headers=headers)


def task_of(world: World) -> AutomationTask:
    ((topic, data, _),) = world.publisher.messages
    assert topic.startswith("tasks")
    return AutomationTask.model_validate_json(data)


async def parked(world: World) -> dict[str, Any]:
    """Pass on what intake handed over, and return the letter it became."""
    ((topic, data, attributes),) = world.publisher.messages
    assert topic == "events"
    world.publisher.messages.clear()
    await receive_event(world.delivery(data, attributes=dict(attributes)), world.ports)
    (letter,) = world.store.all("dead_letters").values()
    return letter


UNREADABLE = [
    (b"\xff", "not_utf8"),
    (b"", "malformed_json"),
    (b'{"text":"an "unescaped" quote"}', "malformed_json"),
    (b'{"a":' + b"[" * 100_000, "too_deep"),
    (b'{"a":{"b":1,"b":2}}', "duplicate_key"),
    (b'{"a\\u0000":1,"a":2}', "duplicate_key"),
    (b'{"a":NaN}', "not_finite"),
    (b'{"a":9223372036854775808}', "integer_too_large"),
    (b"[1]", "not_an_object"),
    (b'{"text":"x","numbers":[' + b"1e15," * 50_000 + b"1]}", "too_large"),
]


class TestParked:
    @pytest.mark.parametrize("path", SCHEMES)
    @pytest.mark.parametrize(("body", "code"), UNREADABLE, ids=[code for _, code in UNREADABLE])
    async def test_verified_body_that_cannot_be_read_is_parked_with_its_source(
        self, world: World, path: str, body: bytes, code: str
    ) -> None:
        if code == "too_large" and path != "/hooks/crm":
            body = b'{"pad":"' + b"x" * 300_000 + b'","text":"Where is my order, please?"}'
        response = await post(path, body)
        assert (response.status_code, response.json()) == (202, {"parked": code})
        attributes = world.publisher.messages[0][2]
        source = path.rpartition("/")[2]
        assert {**attributes, "trace_id": ""} == {
            "parked": "1",
            "source": source,
            "media": JSON,
            "reason": code,
            "trace_id": "",
        }
        letter = await parked(world)
        assert (letter["reason"], letter["source"], base64.b64decode(letter["data"])) == (code, source, body)

    async def test_nothing_is_parked_before_the_signature_holds(self, world: World) -> None:
        response = await post("/hooks/crm", b"{", secret=b"another-secret-0123456789")
        assert (response.status_code, world.publisher.messages) == (401, [])

    async def test_parked_body_that_can_be_read_now_becomes_its_task_when_redriven(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = b'{"id":"1","text":"Where is #1?"}'
        with monkeypatch.context() as patch:
            patch.setattr("shared.event.strict_json.MAX_DEPTH", 0)
            attributes = {"parked": "1", "source": "crm", "media": JSON, "reason": "too_deep"}
            await receive_event(world.delivery(b"{", attributes=attributes), world.ports)
        ((path, letter),) = world.store.all("dead_letters").items()
        await world.edit_document(path, data=base64.b64encode(body).decode())
        await redrive_letter(world.ports, path.rpartition("/")[2], OPS, reason="the parser is mended")
        ((topic, data, attributes),) = world.publisher.messages
        world.publisher.messages.clear()
        assert (topic, data, letter["source"]) == ("events", body, "crm")
        assert (await receive_event(world.delivery(data, attributes=dict(attributes)), world.ports)).code == "accepted"
        assert task_of(world).raw_payload == json.loads(body)
