"""The endpoints of the vendors, as far as our handlers use them: HTTP in, the documented answer out."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.sandbox.desk import Answer, Desk, refusal
from infra.sandbox.ledger import Effect

BY_ORDER = re.compile(r"""metadata\[["']order_id["']\]:["']([^"']+)["']""")


class Stripe:
    """https://docs.stripe.com/api/refunds and /payment_intents/search, with idempotency keys as documented."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._refunds: list[dict[str, Any]] = []
        self._refunded: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            Route("/v1/payment_intents/search", self.find_payment, methods=["GET"]),
            Route("/v1/refunds", self.list_refunds, methods=["GET"]),
            Route("/v1/refunds", self.refund, methods=["POST"]),
        ]

    async def find_payment(self, request: Request) -> Response:
        """Search payment intents by the order number in their metadata."""

        def find(_: bytes) -> Answer:
            match = BY_ORDER.fullmatch(request.query_params.get("query", ""))
            if match is None:
                return refusal("invalid_request_error")
            order = self._desk.orders.get(match[1])
            return Answer({"object": "search_result", "data": order.payments() if order else [], "has_more": False})

        return await self._desk.serve(request, "stripe.find_payment", find)

    async def list_refunds(self, request: Request) -> Response:
        """List refunds, newest first, `limit` at a time after `starting_after`."""

        def page(_: bytes) -> Answer:
            limit, after = int(request.query_params.get("limit", 10)), request.query_params.get("starting_after")
            newest = self._refunds[::-1]
            start = next((i + 1 for i, refund in enumerate(newest) if refund["id"] == after), 0)
            data = newest[start : start + limit]
            return Answer({"object": "list", "data": data, "has_more": len(newest) > start + limit})

        return await self._desk.serve(request, "stripe.list_refunds", page)

    async def refund(self, request: Request) -> Response:
        """Create a refund of a payment intent."""
        return await self._desk.serve(request, "stripe.refund", self._refund, keyed=True)

    def _refund(self, body: bytes) -> Answer:
        form = dict(parse_qsl(body.decode()))
        metadata = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        intent, amount = form.get("payment_intent", ""), int(form.get("amount", 0))
        order = self._desk.orders.get(intent.split("_")[1]) if intent.startswith("pi_") else None
        payment = next((p for p in order.payments() if p["id"] == intent), None) if order else None
        if payment is None or amount < 1:
            return refusal("invalid_request_error", code="resource_missing" if payment is None else "parameter_invalid")
        left = payment["amount_received"] - self._refunded[intent]
        if amount > left:
            return refusal("invalid_request_error", code="amount_too_large" if left else "charge_already_refunded")
        self._refunded[intent] += amount
        refund = {
            "id": f"re_{len(self._refunds) + 1}",
            "object": "refund",
            "amount": amount,
            "currency": payment["currency"],
            "payment_intent": intent,
            "metadata": metadata,
            "status": "succeeded",
            "created": int(time.time()),
        }
        self._refunds.append(refund)
        return Answer(refund, effect=Effect(payment["metadata"]["order_id"], amount, payment["currency"]))


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
            return Answer({name: value for name, value in asdict(order).items() if name != "seeded"})

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
            return Answer({"data": [{"order_id": entry.subject, "at": entry.at} for entry in done]})

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

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [Route("/api/chat.postMessage", self.post_message, methods=["POST"])]

    async def post_message(self, request: Request) -> Response:
        """Post a message; every call posts one."""

        def post(body: bytes) -> Answer:
            asked = json.loads(body)
            if not asked.get("text"):
                return Answer({"ok": False, "error": "no_text"})
            ts = f"{time.time():.6f}"
            return Answer(
                {"ok": True, "channel": asked["channel"], "ts": ts},
                effect=Effect(asked["channel"], detail=asked["text"]),
            )

        return await self._desk.serve(request, "slack.post_message", post)
