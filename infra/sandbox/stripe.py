"""The endpoints of Stripe, as far as our handler uses them: HTTP in, the documented answer out."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.sandbox.desk import Answer, Desk, refusal
from infra.sandbox.ledger import Effect
from infra.sandbox.memory import newest

BY_ORDER = re.compile(r"""metadata\[["']order_id["']\]:["']([^"']+)["']""")
NOT_REFUNDED = ("failed", "canceled")


class Stripe:
    """https://docs.stripe.com/api/refunds and /payment_intents/search, with idempotency keys as documented.

    A refund is an effect once it has succeeded: one that a fault made `pending` has not, until `settle` says so.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.refunds: list[dict[str, Any]] = []
        self._of_payment: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)  # the same by payment
        self._made = 0  # ever

    def known(self) -> Any:
        """Return the refunds."""
        return {"refunds": newest(self.refunds), "made": self._made}

    def know(self, known: Any) -> None:
        """Know the refunds of an earlier life."""
        self._made = known["made"]
        for refund in known["refunds"]:
            self._keep(refund)

    def _keep(self, refund: dict[str, Any]) -> None:
        self.refunds.append(refund)
        self._of_payment[refund["payment_intent"]].append(refund)

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            Route("/v1/payment_intents/search", self.find_payment, methods=["GET"]),
            Route("/v1/refunds", self.list_refunds, methods=["GET"]),
            Route("/v1/refunds", self.refund, methods=["POST"]),
        ]

    async def find_payment(self, request: Request) -> Response:
        """Search payment intents by the order number in their metadata, `limit` at a time from `page` on."""
        asked = request.query_params

        def find(_: bytes) -> Answer:
            match = BY_ORDER.fullmatch(asked.get("query", ""))
            if match is None:
                return refusal("invalid_request_error")
            order = self._desk.orders.get(match[1])
            payments, limit, start = order.payments() if order else [], _limit(asked), int(asked.get("page", 0))
            more = len(payments) > start + limit
            page: dict[str, Any] = {"data": payments[start : start + limit], "has_more": more}
            page |= {"url": request.url.path, "next_page": str(start + limit) if more else None}
            return Answer({"object": "search_result", **page})

        return await self._desk.serve(request, "stripe.find_payment", find)

    async def list_refunds(self, request: Request) -> Response:
        """List refunds, of one payment or of all, newest first, `limit` at a time after `starting_after`."""
        asked = request.query_params

        def page(_: bytes) -> Answer:
            limit, after, of = _limit(asked), asked.get("starting_after"), asked.get("payment_intent")
            found = (self.refunds if of is None else self._of_payment.get(of, []))[::-1]
            start = next((i + 1 for i, refund in enumerate(found) if refund["id"] == after), 0)
            data = found[start : start + limit]
            more = len(found) > start + limit
            return Answer({"object": "list", "url": request.url.path, "data": data, "has_more": more})

        return await self._desk.serve(request, "stripe.list_refunds", page)

    async def refund(self, request: Request) -> Response:
        """Create a refund of a payment intent."""
        return await self._desk.serve(request, "stripe.refund", self._refund, keyed=True, becomes=self._becomes)

    def settle(self, ends: Iterable[dict[str, Any]]) -> None:
        """Give unfinished refunds their end: `{effect_key, status, failure_reason?}`.

        Raises:
            KeyError: there is no such refund.
        """
        for end in ends:
            key = end["effect_key"]
            refund = next((r for r in self.refunds if r["metadata"].get("effect_key") == key), None)
            if refund is None:
                raise KeyError(key)
            refund |= {name: value for name, value in end.items() if name != "effect_key"}
            if refund["status"] == "succeeded":
                self._desk.applied("stripe.refund", _effect(refund), key=key, request_id="settled")

    def _refund(self, body: bytes) -> Answer:
        form = dict(parse_qsl(body.decode()))
        metadata = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        intent, amount = form.get("payment_intent", ""), int(form.get("amount", 0))
        order = self._desk.orders.get(intent.split("_")[1]) if intent.startswith("pi_") else None
        payment = next((p for p in order.payments() if p["id"] == intent), None) if order else None
        if payment is None or amount < 1:
            return refusal("invalid_request_error", code="resource_missing" if payment is None else "parameter_invalid")
        left = payment["amount_received"] - self._refunded(intent)
        if amount > left:
            return refusal("invalid_request_error", code="amount_too_large" if left else "charge_already_refunded")
        self._made += 1
        refund = {
            "id": f"re_{self._made}",
            "object": "refund",
            "amount": amount,
            "currency": payment["currency"],
            "payment_intent": intent,
            "metadata": metadata,
            "status": "succeeded",
            "created": int(time.time()),
        }
        self._keep(refund)
        self._desk.echoes.of_refund(dict(refund))
        return Answer(dict(refund), effect=_effect(refund))  # a copy: the key keeps the first answer

    def _becomes(self, answer: Answer, status: str) -> Answer:
        """Give the refund that was just made another status; no money has moved."""
        self.refunds[-1]["status"] = status
        return replace(answer, body=answer.body | {"status": status}, effect=None)

    def _refunded(self, intent: str) -> int:
        """Return how much of a payment is refunded or about to be."""
        made = self._of_payment.get(intent, [])
        return sum(refund["amount"] for refund in made if refund["status"] not in NOT_REFUNDED)


def _effect(refund: dict[str, Any]) -> Effect:
    return Effect(refund["payment_intent"].split("_")[1], refund["amount"], refund["currency"])


def _limit(asked: Any) -> int:
    return min(int(asked.get("limit", 10)), 100)
