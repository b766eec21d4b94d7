"""A number in, a ticket out: every system is sent the same bytes, and no two tickets say the same."""

from __future__ import annotations

import json
from collections.abc import Sequence

FIRST_ORDER = 1_000_000  # seven digits: no order's number is part of another's
TEXTS = (
    "Where is my order #{n}?",
    "Hi, it has been a week and I have heard nothing. What is the status of order #{n}? Thanks, Kim",
    "Good morning! Could you please track order #{n} for me? I would like to know when to be at home.",
    "Order #{n} should have been here on Monday. Has it shipped yet?",
    "I have placed several orders with you, the last one is #{n}. When will it arrive?",
)


def order(number: int) -> str:
    """Return the order that a ticket asks for."""
    return str(FIRST_ORDER + number)


def owner(order_id: str) -> str:
    """Return whose order it is."""
    return f"customer-{order_id}@example.com"


def ticket(number: int) -> bytes:
    """Return the ticket as `POST /` of intake takes it, and as every other system is sent it."""
    asked = order(number)
    payload = {"text": TEXTS[number % len(TEXTS)].format(n=asked), "requester": {"email": owner(asked)}}
    return json.dumps({"task_id": f"bench-{asked}", "source": "helpdesk", "raw_payload": payload}).encode()


def shown(order_id: str) -> dict[str, str]:
    """Return what the shop says of an order."""
    return {"id": order_id, "status": "shipped", "eta": "2030-01-01", "customer_email": owner(order_id)}


def numbers(first: int, count: int) -> Sequence[int]:
    """Return the numbers of `count` tickets that were not sent before."""
    return range(first, first + count)
