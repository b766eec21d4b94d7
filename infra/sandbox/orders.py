"""The shop's orders: seeded ones, and for any other number one that is derived from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from infra.sandbox.memory import newest

AMPLE_MINOR = 1_000_000_000
PAID_AT = 1_767_225_600  # 2026-01-01, as Unix time


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the shop shows it. `seeded`: somebody said what it is."""

    id: str
    status: str  # processing, shipped, cancelled
    eta: str
    customer_email: str
    total_minor: int
    currency: str
    seeded: bool = False
    paid: tuple[Mapping[str, Any], ...] = ()  # several payments: fields of `payments()`, each with what differs

    def payments(self) -> list[dict[str, Any]]:
        """Return the order's payments as Stripe payment intents.

        A derived order was paid amply in some currencies, so that its customer can be refunded whatever is asked for.
        """
        if self.paid:
            return [self._payment(self.currency, self.total_minor, f"_{n}") | dict(p) for n, p in enumerate(self.paid)]
        if self.seeded:
            return [self._payment(self.currency, self.total_minor)]
        return [self._payment(currency, AMPLE_MINOR) for currency in ("USD", "EUR", "GBP")]

    def _payment(self, currency: str, amount_minor: int, number: str = "") -> dict[str, Any]:
        return {
            "id": f"pi_{self.id}_{currency.lower()}{number}",
            "object": "payment_intent",
            "status": "succeeded",
            "currency": currency.lower(),
            "amount_received": amount_minor,
            "receipt_email": self.customer_email or None,
            "metadata": {"order_id": self.id},
            "created": PAID_AT,
        }


class Orders:
    """Orders by number. Numbers that begin with 404 do not exist; derived ones that end in 9 have shipped."""

    def __init__(self) -> None:
        self._known: dict[str, Order] = {}

    def seed(self, orders: Iterable[dict[str, Any]]) -> None:
        """Say what orders are: fields of `Order` by name, `id` among them; the rest is derived."""
        for fields in orders:
            self._known[fields["id"]] = replace(derived(fields["id"]), **fields, seeded=True)

    def known(self) -> Any:
        """Return the orders that somebody seeded, and the newest of those that changed."""
        seeded = [order for order in self._known.values() if order.seeded]
        changed = newest(order for order in self._known.values() if not order.seeded)
        return [asdict(order) for order in seeded + changed]

    def know(self, known: Any) -> None:
        """Know the orders of an earlier life."""
        self._known = {order["id"]: Order(**order | {"paid": tuple(order["paid"])}) for order in known}

    def belong(self, parameters: Mapping[str, Any], email: str) -> None:
        """Let the order that a task's `parameters` name, if any, be its requester's own, unshipped and amply paid."""
        if isinstance(order := parameters.get("order_id"), str):
            known = {
                "id": order.lstrip("#"),
                "customer_email": email,
                "total_minor": AMPLE_MINOR,
                "status": "processing",
            }
            self.seed([known | {"currency": parameters.get("currency", "USD")}])

    def get(self, order_id: str) -> Order | None:
        """Return an order, or None where the shop has none."""
        if order_id in self._known:
            return self._known[order_id]
        return None if order_id.startswith("404") else derived(order_id)

    def put(self, order: Order) -> None:
        """Keep a changed order."""
        self._known[order.id] = order


@lru_cache(maxsize=1024)
def derived(order_id: str) -> Order:
    """Return the order that this number always stands for."""
    number = int.from_bytes(hashlib.sha256(order_id.encode()).digest()[:4], "big")
    return Order(
        id=order_id,
        status="shipped" if order_id.endswith("9") else "processing",
        eta=f"2030-{1 + number % 12:02}-{1 + number % 28:02}",
        customer_email=f"customer-{order_id}@example.com".lower(),
        total_minor=5_000 + number % 95_000,
        currency="USD",
    )
