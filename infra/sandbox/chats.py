"""Slack's and Google Chat's APIs, as far as cards need them; `GET /_chats` shows what is on the screens."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.sandbox.desk import Answer, Desk
from infra.sandbox.memory import newest
from infra.sandbox.people import WORKSPACE

Json = dict[str, Any]


@dataclass
class Screens:
    """What people see: messages by their name, modals and whispers in the order in which they came."""

    messages: dict[str, Json] = field(default_factory=dict)
    views: list[Json] = field(default_factory=list)
    whispers: list[Json] = field(default_factory=list)


class Chats:
    """Messages are kept as they were sent. A `ts` counts up; Google Chat knows a request by its id."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.screens = Screens()
        self._requests: dict[str, str] = {}
        self._messages = 0  # ever

    def known(self) -> Any:
        """Return what is on the screens."""
        on = self.screens
        messages, views, whispers = newest(on.messages.items()), newest(on.views), newest(on.whispers)
        screens = {"messages": dict(messages), "views": views, "whispers": whispers}
        return {"screens": screens, "requests": dict(newest(self._requests.items())), "messages": self._messages}

    def know(self, known: Any) -> None:
        """Know what was on the screens in an earlier life."""
        self.screens = Screens(**known["screens"])
        self._requests, self._messages = known["requests"], known["messages"]

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            Route(
                "/api/auth.test",
                self._slack("auth_test", lambda _: {"ok": True, "team_id": WORKSPACE}),
                methods=["POST"],
            ),
            Route("/api/chat.update", self._slack("chat_update", self._updated), methods=["POST"]),
            Route("/api/chat.postEphemeral", self._slack("chat_post_ephemeral", self._whispered), methods=["POST"]),
            Route("/api/views.open", self._slack("views_open", self._opened), methods=["POST"]),
            Route("/v1/spaces/{space}/messages", self.create, methods=["POST"]),
            Route("/v1/spaces/{space}/messages/{message}", self.patch, methods=["PATCH"]),
            Route("/_chats", self.show),
        ]

    async def show(self, _: Request) -> Response:
        """Show the screens."""
        return JSONResponse(asdict(self.screens))

    async def create(self, request: Request) -> Response:
        """Create a message, once for each request's id."""

        def create(body: bytes) -> Answer:
            once = request.query_params.get("requestId", "")
            name = self._requests.get(once) or f"spaces/{request.path_params['space']}/messages/{self._number()}"
            self._requests[once] = name
            self.screens.messages.setdefault(name, json.loads(body))
            return Answer({"name": name})

        return await self._desk.serve(request, "google_chat.create_message", create)

    async def patch(self, request: Request) -> Response:
        """Change a message."""

        def patch(body: bytes) -> Answer:
            name = f"spaces/{request.path_params['space']}/messages/{request.path_params['message']}"
            if name not in self.screens.messages:
                return Answer({"error": {"code": 404, "status": "NOT_FOUND"}}, 404)
            self.screens.messages[name] |= json.loads(body)
            return Answer({"name": name})

        return await self._desk.serve(request, "google_chat.update_message", patch)

    def _slack(self, operation: str, apply: Any) -> Any:
        """Return an endpoint; Slack refuses with 200 and `ok: false`."""

        async def endpoint(request: Request) -> Response:
            def answer(body: bytes) -> Answer:
                if not request.headers.get("authorization"):
                    return Answer({"ok": False, "error": "not_authed"})
                return Answer(apply(json.loads(body)))

            return await self._desk.serve(request, f"slack.{operation}", answer)

        return endpoint

    def posted(self, said: Json) -> Json:
        """Put a message of Slack on the screen, and return what Slack answers."""
        ts = f"{self._number()}.000100"
        self.screens.messages[f"{said['channel']}/{ts}"] = said
        return {"ok": True, "channel": said["channel"], "ts": ts}

    def _updated(self, said: Json) -> Json:
        name = f"{said['channel']}/{said['ts']}"
        if name not in self.screens.messages:
            return {"ok": False, "error": "message_not_found"}
        self.screens.messages[name] = said
        return {"ok": True, "channel": said["channel"], "ts": said["ts"]}

    def _whispered(self, said: Json) -> Json:
        self.screens.whispers.append(said)
        return {"ok": True}

    def _opened(self, said: Json) -> Json:
        if not said.get("trigger_id"):
            return {"ok": False, "error": "invalid_trigger_id"}
        self.screens.views.append(said["view"])
        return {"ok": True}

    def _number(self) -> int:
        self._messages += 1
        return self._messages
