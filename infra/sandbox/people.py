"""The users APIs of Zendesk, Slack and Jira, as far as they are asked whose address an id has. People are seeded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.sandbox.desk import Answer, Desk

SOURCES = ("zendesk", "slack", "jira")
WORKSPACE = "T0SANDBOX"


class People:
    """`POST /_people` takes `[{"source", "id", "email", ...}]`; anything else stands in the vendor's answer."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def seed(self, people: Iterable[dict[str, Any]]) -> None:
        """Say who people are.

        Raises:
            KeyError, ValueError: somebody has no source of ours or no id; nobody is seeded.
        """
        found = {(str(p["source"]), str(p["id"])): dict(p) for p in people}
        if unknown := {source for source, _ in found} - set(SOURCES):
            raise ValueError(f"source is {', '.join(sorted(unknown))}; it must be one of {', '.join(SOURCES)}")
        self._known.update(found)

    def known(self) -> Any:
        """Return who people are."""
        return list(self._known.values())

    def know(self, known: Any) -> None:
        """Know the people of an earlier life."""
        self.seed(known)

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            Route("/api/v2/users/{id}.json", self.zendesk, methods=["GET"]),
            Route("/api/users.info", self.slack, methods=["GET"]),
            Route("/rest/api/3/user", self.jira, methods=["GET"]),
        ]

    async def zendesk(self, request: Request) -> Response:
        """Show a user of Zendesk."""

        def show(_: bytes) -> Answer:
            user = self._known.get(("zendesk", request.path_params["id"]))
            if user is None:
                return Answer({"error": "RecordNotFound", "description": "Not found"}, 404)
            shown = {"id": int(user["id"]), "verified": True, "active": True, "suspended": False, "role": "end-user"}
            return Answer({"user": shown | {k: v for k, v in user.items() if k not in ("source", "id")}})

        return await self._serve(request, "zendesk.get_user", show, Answer({"error": "Couldn't authenticate you"}, 401))

    async def slack(self, request: Request) -> Response:
        """Show a member of the workspace; refusals are 200 with `ok: false`."""

        def show(_: bytes) -> Answer:
            user = self._known.get(("slack", request.query_params.get("user", "")))
            if user is None:
                return Answer({"ok": False, "error": "user_not_found"})
            shown = {"id": user["id"], "team_id": WORKSPACE, "deleted": False, "is_bot": False}
            shown |= {k: v for k, v in user.items() if k not in ("source", "email")}
            return Answer({"ok": True, "user": shown | {"profile": {"email": user.get("email")}}})

        return await self._serve(request, "slack.users_info", show, Answer({"ok": False, "error": "not_authed"}))

    async def jira(self, request: Request) -> Response:
        """Show a user of Jira Cloud; an address may be hidden."""

        def show(_: bytes) -> Answer:
            user = self._known.get(("jira", request.query_params.get("accountId", "")))
            if user is None:
                return Answer({"errorMessages": ["Specified user does not exist"], "errors": {}}, 404)
            shown = {"accountId": user["id"], "accountType": "atlassian", "active": True}
            shown |= {k: v for k, v in user.items() if k not in ("source", "id", "email")}
            return Answer(shown | {"emailAddress": user.get("email")})

        return await self._serve(request, "jira.get_user", show, Answer("Basic authentication required", 401))

    async def _serve(self, request: Request, operation: str, show: Any, refused: Answer) -> Response:
        is_known = bool(request.headers.get("authorization"))
        return await self._desk.serve(request, operation, show if is_known else lambda _: refused)
