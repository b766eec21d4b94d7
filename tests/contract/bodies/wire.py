"""Intake as functions-framework serves it, bodies that vendors sign, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
from functions_framework.aio import create_asgi_app_from_module

from functions.intake import main
from functions.intake.bodies import JSON
from functions.intake.step import receive_event
from shared.event.signatures import sign
from shared.task.schemas import AutomationTask
from tests.world import World

APP = create_asgi_app_from_module("intake", main.__file__, "http", main, main.__spec__)
SECRET = b"a-secret-of-the-source-0123456789"
SCHEMES = {"/zendesk": "zendesk", "/jira": "jira", "/slack": "slack", "/github": "github", "/stripe": "stripe"}
SCHEMES |= {"/hooks/crm": "generic"}
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


async def post(path: str, body: bytes, media: str = JSON, secret: bytes = SECRET) -> httpx.Response:
    headers = {"content-type": media} | sign(SCHEMES[path], body, secret, datetime.now(UTC))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://127.0.0.1") as client:
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
    await receive_event(world.delivery(data, attributes=attributes, subscription="events"), world.ports)
    (letter,) = world.store.all("dead_letters")
    return letter
