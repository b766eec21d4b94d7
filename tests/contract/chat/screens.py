"""A chat's screens and the people before them: what they see there, and what arrives here when they press."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import httpx
from slack_sdk.signature import SignatureVerifier

import functions.chat.main as chat
from functions.notify.step import notify
from infra.sandbox.app import create_app
from infra.sandbox.chats import Screens
from infra.sandbox.people import WORKSPACE
from shared.wiring import composition
from shared.wiring.lanes import Lane, Pool
from tests.world import World, deployed

APP = deployed(chat, "chat")
CHANNEL, SPACE = "C0123456789", "spaces/AAAAbcDEfgh"
SECRET = "a-signing-secret-of-the-test"
ENV = {
    "SLACK_APPROVALS_API_URL": "http://chats.test",
    "SLACK_APPROVALS_API_KEY": "xoxb-of-the-test",
    "SLACK_APPROVALS_WEBHOOK_SECRET": SECRET,
    "GOOGLE_CHAT_APPROVALS_API_URL": "http://chats.test",
}
JO, ANA = "UJO", "UANA"
EMAILS = {JO: "jo@example.com", ANA: "ana@example.com"}


class Desk(Pool):
    """Connections that all end in the sandbox, which keeps the `screens`; `down`: nothing answers."""

    def __init__(self) -> None:
        super().__init__()
        self.app = create_app()
        self.down = False
        for user, email in EMAILS.items():
            self.seed(user, email)

    @property
    def screens(self) -> Screens:
        screens: Screens = self.app.state.chats.screens
        return screens

    def seed(self, user: str, email: str, **more: Any) -> None:
        person = {"source": "slack", "id": user, "email": email, "is_email_confirmed": True}
        self.app.state.people.seed([person | more])

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        return Lane(httpx.AsyncClient(transport=_Wire(self)), asyncio.Semaphore(max_in_flight))


class _Wire(httpx.AsyncBaseTransport):
    def __init__(self, desk: Desk) -> None:
        self._desk, self._inner = desk, httpx.ASGITransport(desk.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._desk.down:
            raise httpx.ConnectError("nobody answers")
        return await self._inner.handle_async_request(request)


class Room:
    """One world, and the chat in which its people decide."""

    def __init__(self, world: World) -> None:
        self.world, self.desk = world, Desk()
        world.ports.__dict__["pool"] = self.desk

    async def show(self) -> Any:
        """Run the minute's work."""
        return (await notify(self.world.ports)).body

    @property
    def messages(self) -> list[dict[str, Any]]:
        return list(self.desk.screens.messages.values())

    def button(self, name: str, place: int = 0) -> dict[str, Any]:
        """Return a button of Slack's message."""
        elements = [b["elements"] for b in self.messages[place]["blocks"] if b["type"] == "actions"]
        return next(e for e in elements[0] if e["action_id"] == name)

    async def press(self, name: str, user: str = JO, place: int = 0, **changes: Any) -> httpx.Response:
        """Press a button as Slack tells of it."""
        channel, ts = list(self.desk.screens.messages)[place].split("/")
        payload = {
            "type": "block_actions",
            "team": {"id": WORKSPACE},
            "user": {"id": user, "team_id": WORKSPACE},
            "channel": {"id": channel},
            "container": {"type": "message", "channel_id": channel, "message_ts": ts},
            "trigger_id": "123.456.abc",
            "actions": [{"type": "button", "action_id": name, "value": self.button(name, place)["value"]}],
        }
        return await self.slack(payload | changes)

    async def submit(self, typed: Mapping[str, Any], user: str = JO) -> httpx.Response:
        """Submit the modal that was opened last; `typed` is over what stands in it."""
        view = self.desk.screens.views[-1]
        values = {b["block_id"]: {b["element"]["action_id"]: _standing(b["element"])} for b in _inputs(view)}
        for block, text in typed.items():
            (name,) = values[block]
            values[block] = {name: {"value": text, "selected_option": {"value": text}}}
        state = {"state": {"values": values}}
        payload = {"type": "view_submission", "team": {"id": WORKSPACE}, "user": {"id": user}, "view": view | state}
        return await self.slack(payload)

    async def slack(self, payload: Mapping[str, Any], secret: str = SECRET, age_s: float = 0) -> httpx.Response:
        """Post an interaction, signed by Slack's own library."""
        body, stamp = urlencode({"payload": json.dumps(payload)}), str(int(time.time() - age_s))
        signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-signature": signature or "",
            "x-slack-request-timestamp": stamp,
        }
        return await self.post("/slack", body, headers)

    async def post(self, path: str, body: str | bytes, headers: Mapping[str, str]) -> httpx.Response:
        composition.install(self.world.ports)
        try:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://chat.test") as client:
                return await client.post(path, content=body, headers=dict(headers))
        finally:
            composition.install(None)


def odd_ones(payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the payload with something else at each of its places, one at a time."""
    for place in _places(payload):
        for odd in (None, 1, "x", [], {}, [None], {"a": 1}, "[" * 100_000, '["a/b",1,"x"]'):
            changed = deepcopy(dict(payload))
            inner: Any = changed
            for step in place[:-1]:
                inner = inner[step]
            inner[place[-1]] = odd
            yield changed


def _places(value: Any, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    steps: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        if step != "blocks":  # what was shown there is not read
            yield (*above, step)
            yield from _places(value[step], *above, step)


def _inputs(view: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [block for block in view["blocks"] if block["type"] == "input"]


def _standing(element: Mapping[str, Any]) -> dict[str, Any]:
    chosen = element.get("initial_option")
    return {"value": element.get("initial_value"), "selected_option": chosen}
