"""The endpoints of the shop, Auth0 and Slack, as far as our handlers use them: HTTP in, the documented answer out."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.sandbox.chats import Chats
from infra.sandbox.desk import Answer, Desk, refusal
from infra.sandbox.ledger import Effect

SHOWN = ("id", "status", "eta", "customer_email", "total_minor", "currency")


class Shop:
    """A shop's API. It honours Idempotency-Key when cancelling, and not when changing an address."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            Route("/orders/{order_id}", self.get_order, methods=["GET"]),
            Route("/orders/{order_id}/cancel", self.cancel, methods=["POST"]),
            Route("/orders/{order_id}/address", self.change_address, methods=["POST"]),
            Route("/cancellations", self.list_cancellations, methods=["GET"]),
        ]

    async def get_order(self, request: Request) -> Response:
        """Show an order."""

        def show(_: bytes) -> Answer:
            order = self._desk.orders.get(request.path_params["order_id"])
            if order is None:
                return refusal("not_found", 404)
            return Answer({name: value for name, value in asdict(order).items() if name in SHOWN})

        return await self._desk.serve(request, "shop.get_order", show)

    async def cancel(self, request: Request) -> Response:
        """Cancel an order that has not shipped."""

        def cancel(_: bytes) -> Answer:
            order = self._desk.orders.get(request.path_params["order_id"])
            if order is None:
                return refusal("not_found", 404)
            if order.status != "processing":
                return refusal(f"already_{order.status}", 422)
            self._desk.orders.put(replace(order, status="cancelled"))
            return Answer({"id": order.id, "status": "cancelled"}, effect=Effect(order.id))

        return await self._desk.serve(request, "shop.cancel", cancel, keyed=True)

    async def change_address(self, request: Request) -> Response:
        """Change where an order goes; every call counts."""

        def change(body: bytes) -> Answer:
            order = self._desk.orders.get(request.path_params["order_id"])
            if order is None:
                return refusal("not_found", 404)
            address = json.loads(body).get("address")
            if order.status != "processing" or not address:
                return refusal("unprocessable", 422)
            return Answer({"id": order.id, "status": order.status}, effect=Effect(order.id, detail=address))

        return await self._desk.serve(request, "shop.change_address", change)

    async def list_cancellations(self, request: Request) -> Response:
        """List the cancellations made with an idempotency key."""

        def find(_: bytes) -> Answer:
            key = request.query_params.get("idempotency_key")
            done = [e for e in self._desk.ledger.entries if e.operation == "cancel" and e.idempotency_key == key]
            found = [{"order_id": entry.subject, "at": entry.at, "status": "cancelled"} for entry in done]
            return Answer({"data": found})

        return await self._desk.serve(request, "shop.list_cancellations", find)


class Auth0:
    """https://auth0.com/docs/api/authentication/database-ad-ldap-passive/change-password"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [Route("/dbconnections/change_password", self.change_password, methods=["POST"])]

    async def change_password(self, request: Request) -> Response:
        """Send the mail with the link; every call sends one."""

        def send(body: bytes) -> Answer:
            asked = json.loads(body)
            if not (asked.get("email") and asked.get("connection")):
                return refusal("invalid_request")
            return Answer("We've just sent you an email to reset your password.", effect=Effect(asked["email"]))

        return await self._desk.serve(request, "auth0.change_password", send)


class Slack:
    """https://docs.slack.dev/reference/methods/chat.postMessage: refusals are 200 with `ok: false`."""

    def __init__(self, desk: Desk, chats: Chats) -> None:
        self._desk, self._chats = desk, chats

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [Route("/api/chat.postMessage", self.post_message, methods=["POST"])]

    async def post_message(self, request: Request) -> Response:
        """Post a message; every call posts one. A card with buttons is Switchyard's own, and no effect of a task."""

        def post(body: bytes) -> Answer:
            asked = json.loads(body)
            if "blocks" in asked:
                return Answer(self._chats.posted(asked))
            if not asked.get("text"):
                return Answer({"ok": False, "error": "no_text"})
            ts = f"{time.time():.6f}"
            self._desk.echoes.of_message(asked["channel"], asked["text"])
            return Answer(
                {"ok": True, "channel": asked["channel"], "ts": ts},
                effect=Effect(asked["channel"], detail=asked["text"]),
            )

        return await self._desk.serve(request, "slack.post_message", post)
