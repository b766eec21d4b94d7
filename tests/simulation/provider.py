"""The handlers' providers behind `Outbound`: Stripe, the shop, Auth0 and Slack as one client, with a ledger of effects.

It takes the place of the HTTP client, so the handlers and `Outbound` are the production code, and so is what they make
of a broken connection. Idempotency keys are honoured for 24 hours, as Stripe documents.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from pydantic_core import to_json

from infra.sandbox.orders import Orders
from shared.wiring.lanes import Lane, Pool
from tests.simulation.faults import HOUR_S, WRITE_FATES
from tests.simulation.loop import ACTOR, Actor
from tests.simulation.trouble import Calm

KEYS_LIVE_S = 24 * HOUR_S
# An answer that does not come may still be under way to the provider, this long at most.
LATEST_S = 40.0
LONGEST_PENDING_S = 3 * HOUR_S
READ_FATES = ("refused", "429", "401", "302", "500_before", "reset_before", "timeout_before")


@dataclass(frozen=True)
class Effect:
    """One line of the ledger: what was done to whom, for which generation of which task."""

    at: float
    operation: str
    task_id: str
    generation: int
    epoch: int
    key: str | None
    subject: str
    values: dict[str, Any]


@dataclass
class Request:
    """What `Outbound` builds and sends."""

    method: str
    path: str
    key: str | None
    values: dict[str, Any]
    extensions: dict[str, Any] = field(default_factory=dict)


class Response:
    """What `Outbound` reads of an answer."""

    def __init__(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self.status_code, self.headers = status, headers or {}
        self._body = to_json(data)

    async def aiter_bytes(self) -> Any:
        """Yield the body."""
        yield self._body

    async def aclose(self) -> None:
        """Nothing to close."""


class Provider:
    """All vendors. `applied(effect)` is called in the moment of each effect, `sent(actor, operation)` of each write."""

    def __init__(
        self,
        trouble: Calm,
        rng: random.Random,
        chance: Callable[[], float],
        applied: Callable[[Effect], None],
        sent: Callable[[Actor, str, str], None],
        *,
        write_fates: Sequence[str] = WRITE_FATES,
    ) -> None:
        self._trouble, self._rng, self._chance, self._applied, self._sent = trouble, rng, chance, applied, sent
        self._write_fates = write_fates
        self.ledger: list[Effect] = []
        self.of: dict[str, list[Effect]] = defaultdict(list)  # task -> its effects
        self.orders = Orders()
        self.refunds: list[dict[str, Any]] = []  # as Stripe shows them, oldest first
        self._keys: dict[str, tuple[float, Any, int, Any]] = {}  # key -> when, what, status and answer

    def build_request(self, method: str, url: str, *, headers: dict[str, str], **body: Any) -> Request:
        """Return a request, as httpx does."""
        path = "/" + url.split("/", 3)[3]
        values = dict(body.get("json") or body.get("data") or body.get("params") or {})
        return Request(method, path, headers.get("Idempotency-Key"), values)

    def fate(self, request: Request) -> str:
        """Return what goes wrong with a call, if anything does."""
        if self._rng.random() >= self._chance():
            return ""
        return self._rng.choice(self._write_fates if request.method == "POST" else READ_FATES)

    async def send(self, request: Request, *, stream: bool) -> Response:
        """Answer a request, or fail as the network would."""
        actor = ACTOR.get()
        fate = self.fate(request)
        if fate == "refused":
            raise httpx.ConnectError("refused")
        if request.method == "POST":
            self._sent(actor, request.path, fate)
        await self._trouble.hop()
        if fate == "stored_500":
            if request.key is None:
                return await self._fail("500")
            self._keys.setdefault(request.key, (self._now(), _what(request), 500, {"error": {"type": "api_error"}}))
        if fate.endswith("_later"):
            delay_s = self._rng.uniform(0, LATEST_S)
            asyncio.get_running_loop().call_later(delay_s, self._serve, request, actor, context=Context())
        if fate.endswith(("_before", "_later")) or fate in ("302", "401", "429", "409_in_use"):
            return await self._fail(fate)
        response = self._serve(request, actor, fate)
        await self._trouble.hop()
        return await self._fail(fate) if fate.endswith("_after") else response

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _fail(self, fate: str) -> Response:
        if fate.startswith("reset"):
            raise httpx.ReadError("reset")
        if fate.startswith("timeout"):
            await asyncio.sleep(HOUR_S)  # the client gives up long before
            raise httpx.ReadTimeout("no answer")
        if fate == "429":
            return Response(429, {}, {"retry-after": self._rng.choice(("1", "30", "300"))})
        return Response(409 if fate == "409_in_use" else int(fate[:3]), {"error": {"type": fate}})

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def is_pending(self, key: str) -> bool:
        """Whether a refund of this key waits for its end."""
        return any(r["status"] == "pending" and r["metadata"]["effect_key"] == key for r in self.refunds)

    def _serve(self, request: Request, actor: Actor, fate: str = "") -> Response:
        """Do what is asked, once per key."""
        key, what = request.key, _what(request)
        if key in self._keys and self._now() - self._keys[key][0] < KEYS_LIVE_S:
            _, asked, status, answer = self._keys[key]
            if asked != what:
                return Response(400, {"error": {"type": "idempotency_error"}})
            return Response(status, answer, {"idempotent-replayed": "true"})
        status, answer = self._answer(request, actor, fate)
        if key is not None and status < 400:  # what was refused may be asked again
            self._keys[key] = (self._now(), what, status, answer)
        return Response(status, answer)

    def _answer(self, request: Request, actor: Actor, fate: str) -> tuple[int, Any]:
        path, values = request.path, request.values
        if path == "/v1/refunds" and request.method == "POST":
            return self._refund(request, actor, fate)
        if path == "/v1/refunds":
            of = values.get("payment_intent")
            found = [refund for refund in self.refunds[::-1] if of in (None, refund["payment_intent"])]
            return 200, {"data": found, "has_more": False}
        if path == "/v1/payment_intents/search":
            order = self.orders.get(values["query"].split('"')[3])
            return 200, {"data": order.payments() if order else []}
        if path == "/cancellations":
            key = values["idempotency_key"]
            done = [e for e in self.ledger if e.operation == "cancel" and e.key == key]
            return 200, {"data": [{"order_id": e.subject, "status": "cancelled"} for e in done]}
        if path == "/dbconnections/change_password":
            self._apply(request, actor, "change_password", values["email"], {"email": values["email"]})
            return 200, "sent"
        if path == "/api/chat.postMessage":
            self._apply(request, actor, "post_message", values["channel"], {"summary": values["text"]})
            return 200, {"ok": True, "ts": str(self._now())}
        return self._order(request, actor)

    def _refund(self, request: Request, actor: Actor, fate: str) -> tuple[int, Any]:
        intent, amount = request.values["payment_intent"], int(request.values["amount"])
        order = self.orders.get(intent.split("_")[1])
        received = next((p["amount_received"] for p in order.payments() if p["id"] == intent), 0) if order else 0
        counted = (r for r in self.refunds if r["payment_intent"] == intent and r["status"] != "failed")
        if amount > received - sum(refund["amount"] for refund in counted):
            return 400, {"error": {"type": "invalid_request_error", "code": "amount_too_large"}}
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "payment_intent": intent,
            "amount": amount,
            "created": 0,
            "status": "failed" if fate == "failed" else "pending",
            "metadata": {"effect_key": request.values["metadata[effect_key]"]},
        }
        self.refunds.append(refund)
        if fate.startswith("pending"):
            delay_s = self._rng.uniform(0, LONGEST_PENDING_S)
            asyncio.get_running_loop().call_later(
                delay_s, self._settle, refund, request, actor, fate, context=Context()
            )
        elif fate != "failed":
            self._settle(refund, request, actor, fate)
        return 200, dict(refund)  # a copy: the key keeps the first answer

    def _settle(self, refund: dict[str, Any], request: Request, actor: Actor, fate: str) -> None:
        """End a refund: only now has money moved, or will not."""
        refund["status"] = "failed" if fate == "pending_fails" else "succeeded"
        if refund["status"] == "succeeded":
            subject = refund["payment_intent"].split("_")[1]
            self._apply(request, actor, "refund", subject, {"amount_minor": refund["amount"]})

    def _order(self, request: Request, actor: Actor) -> tuple[int, Any]:
        order_id, _, operation = request.path.removeprefix("/orders/").partition("/")
        order = self.orders.get(order_id)
        if order is None:
            return 404, {"error": "not_found"}
        if not operation:
            return 200, {"status": order.status, "eta": order.eta, "customer_email": order.customer_email}
        if order.status != "processing":
            return 422, {"error": f"already_{order.status}"}
        if operation == "cancel":
            order = replace(order, status="cancelled")
            self.orders.put(order)
            self._apply(request, actor, "cancel", order_id, {})
        else:
            self._apply(request, actor, "change_address", order_id, {"new_address": request.values["address"]})
        return 200, {"status": order.status}

    def take_back(self, effect: Effect) -> None:
        """Undo an effect: it did not hold, so it is in no book any more."""
        self.ledger.remove(effect)
        self.of[effect.task_id].remove(effect)

    def _apply(self, request: Request, actor: Actor, operation: str, subject: str, values: dict[str, Any]) -> None:
        effect = Effect(
            self._now(), operation, actor.task_id, actor.generation, actor.epoch, request.key, subject, values
        )
        self.ledger.append(effect)
        self.of[actor.task_id].append(effect)
        self._applied(effect)


class SimulatedPool(Pool):
    """Every host of one instance leads to the provider; the places in flight are the instance's own."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._by_origin: dict[str, Lane] = {}

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        """Return the lane of a host."""
        if origin not in self._by_origin:
            self._by_origin[origin] = Lane(self._provider, asyncio.Semaphore(max_in_flight))
        return self._by_origin[origin]

    async def close(self) -> None:
        """Forget the lanes."""
        self._by_origin.clear()


def _what(request: Request) -> tuple[str, dict[str, Any]]:
    return request.path, request.values
