"""The shop's orders: seeded ones, and for any other number one that is derived from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

AMPLE_MINOR = 1_000_000_000


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

    def payments(self) -> list[dict[str, Any]]:
        """Return the order's payments as Stripe payment intents.

        A derived order was paid amply in every currency, so that its customer can be refunded whatever is asked for.
        """
        paid = [(self.currency, self.total_minor)] if self.seeded else [(c, AMPLE_MINOR) for c in ("USD", "EUR", "GBP")]
        return [
            {
                "id": f"pi_{self.id}_{currency.lower()}",
                "object": "payment_intent",
                "status": "succeeded",
                "currency": currency.lower(),
                "amount_received": amount,
                "receipt_email": self.customer_email or None,
                "metadata": {"order_id": self.id},
            }
            for currency, amount in paid
        ]


class Orders:
    """Orders by number. Numbers that begin with 404 do not exist; derived ones that end in 9 have shipped."""

    def __init__(self) -> None:
        self._known: dict[str, Order] = {}

    def seed(self, orders: Iterable[dict[str, Any]]) -> None:
        """Say what orders are: fields of `Order` by name, `id` among them; the rest is derived."""
        for fields in orders:
            self._known[fields["id"]] = replace(derived(fields["id"]), **fields, seeded=True)

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
