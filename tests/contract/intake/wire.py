"""Intake as functions-framework serves it, with ports that remember, and webhooks as vendors sign them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from functions_framework.aio import create_asgi_app_from_module

from functions.intake import main
from shared.errors import Conflict, StoreUnavailable
from shared.event.signatures import sign
from shared.settings import Settings
from shared.task.schemas import AutomationTask
from shared.wiring import composition
from shared.wiring.ports import Snapshot, Write

WEBHOOKS = Path(__file__).parents[2] / "data" / "webhooks"
SECRETS = {name: f"{name}-secret-0123456789".encode() for name in ("zendesk", "jira", "github", "slack", "stripe")}
CRM_SECRET, DIRECT_SECRET = b"crm-secret-0123456789", b"direct-secret-0123456789"
ROUTES = {"/" + name: (name, secret) for name, secret in SECRETS.items()} | {"/hooks/crm": ("generic", CRM_SECRET)}
JSON = {"content-type": "application/json"}
CANARY = "canary-7f3a"  # stands for a payload wherever nothing of it may appear
APP = create_asgi_app_from_module("intake", main.__file__, "http", main, main.__spec__)


class FakePublisher:
    """Remembers what was published; `fault` is raised instead, or awaited for ever."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.fault: Exception | str | None = None

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        if self.fault == "hang":
            await asyncio.sleep(60)
        if isinstance(self.fault, Exception):
            raise self.fault
        self.messages.append((topic, data, attributes))
        return str(len(self.messages))

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def tasks(self) -> list[AutomationTask]:
        return [AutomationTask.model_validate_json(data) for _, data, _ in self.messages]


class FakeStore:
    """Documents in a dict, created once."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.is_down = False

    async def read(self, *paths: str) -> list[Snapshot]:
        if self.is_down:
            raise StoreUnavailable("down")
        return [Snapshot(path, self.documents.get(path), "1", datetime.now(UTC)) for path in paths]

    async def commit(self, *writes: Write) -> list[str]:
        for write in writes:
            if write.path in self.documents:
                raise Conflict("exists")
            self.documents[write.path] = write.data
        return ["1" for _ in writes]


def install(**options: Any) -> composition.Ports:
    ports = composition.Ports(Settings(**options), FakeStore(), FakePublisher())  # type: ignore[arg-type]
    composition.install(ports)
    return ports


async def send(method: str, path: str, app: Any = APP, **request: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        return await client.request(method, path, **request)


def recorded(name: str) -> bytes:
    return (WEBHOOKS / f"{name}.json").read_bytes()


async def post(path: str, body: bytes, **headers: str) -> httpx.Response:
    """Send a webhook as its vendor signs it."""
    scheme, secret = ROUTES[path]
    signed = sign(scheme, body, secret, datetime.now(UTC))
    return await send("POST", path, content=body, headers=JSON | signed | headers)


async def post_task(**members: Any) -> httpx.Response:
    task = {"task_id": "t-1", "source": "crm", "raw_payload": {"text": CANARY}} | members
    return await send("POST", "/", content=json.dumps(task).encode(), headers=JSON)


def code_of(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field"}
    assert body["error"]["message"]
    assert CANARY not in response.text
    return response.status_code, body["error"]["code"]


AUDIENCE, CALLER = "https://intake.example.com", "sender@project.iam.gserviceaccount.com"
