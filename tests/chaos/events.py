"""A seed in; what sources send out: events of every intent, each with a number that is in all its traces."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from shared.event.signatures import sign

Route = Literal["/", "/hooks/webshop", "topic events"]
SECRET = "a-secret-of-the-chaos-run"
# In every payload and in no parameter: whoever finds it in a log has found a leak.
MARKER = "Harbourlight"
EMAIL = "customer-{}@example.com"  # to whom the sandbox's order of this number belongs
TEXTS: tuple[tuple[str, float, str], ...] = (
    ("refund_request", 3, "I want a refund of ${cents}.{n2} for order #{n}, it arrived broken."),
    ("refund_request", 2, "Please refund order #{n}, $1{cents}.{n2}, it arrived broken."),  # over the allowance
    ("password_reset", 1.5, "I forgot my password, please send me a reset link."),
    ("order_status", 1.5, "Where is my order #{n}?"),
    ("cancel_order", 3, "Please cancel order #{n}, I ordered by mistake."),
    ("change_address", 3, "Please ship order #{n} to {n2} Baker Street, London NW1 6XE instead."),
    ("ticket_summary", 2, "Summarize ticket {n} for the team channel please, the export fails since Tuesday."),
    ("", 1, "hi, it is about my order, can you do something?"),
)
ALLOWANCE = "refund_request<=5000,password_reset,cancel_order,change_address"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact at a source. `intent` is what its text plainly asks for, "" for nothing; it is sent `copies` times."""

    number: int
    intent: str
    text: str
    route: Route
    priority: int
    copies: int
    at_s: float  # after the beginning

    @property
    def email(self) -> str:
        """The requester's authenticated address."""
        return EMAIL.format(self.number)

    def body(self) -> bytes:
        """Return what is sent, the same each time."""
        if self.route == "/hooks/webshop":
            hook = {"id": f"evt-{self.number}", "message": self.text, "customer": {"email": self.email}}
            return json.dumps(hook | {"priority": self.priority, "internal_note": MARKER}).encode()
        payload: dict[str, Any] = {"text": self.text, "requester": {"email": self.email}, "internal_note": MARKER}
        task = {"task_id": f"chaos-{self.number}", "source": "helpdesk", "raw_payload": payload}
        return json.dumps(task | {"priority": self.priority}).encode()

    def headers(self) -> dict[str, str]:
        """Return the headers of a delivery made now."""
        headers = {"content-type": "application/json"}
        if self.route == "/hooks/webshop":
            headers |= sign("generic", self.body(), SECRET.encode(), datetime.now(UTC))
        return headers


def events(count: int, seed: int, within_s: float) -> Sequence[Event]:
    """Return `count` different events to be sent within so many seconds, in order of time."""
    dice = random.Random(seed)
    numbers = dice.sample(range(50_000, 90_000), count)  # of orders that the sandbox's shop has
    chosen = dice.choices(TEXTS, weights=[weight for _, weight, _ in TEXTS], k=count)
    return [
        Event(
            number=number,
            intent=intent,
            text=text.format(n=number, n2=10 + number % 90, cents=10 + number % 40),
            route=dice.choices(("/", "/hooks/webshop", "topic events"), weights=(4, 3, 3))[0],
            priority=dice.choice((1, 1, 1, 3, 5)),
            copies=dice.choices((1, 2, 5), weights=(8, 1.5, 0.5))[0],
            at_s=at_s,
        )
        for number, (intent, _, text), at_s in zip(
            numbers, chosen, sorted(dice.uniform(0, within_s) for _ in numbers), strict=True
        )
    ]
