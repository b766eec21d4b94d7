"""The handlers as a table: what each asks of its vendor, and what that does there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from shared.intent.declaration import Intent
from shared.intent.handler import TaskContext
from shared.intent.registry import discover, load_handler
from shared.wiring.lanes import Pool
from shared.wiring.outbound import Outbound

OWNER = "Jane@Example.com"
ORDERS: list[dict[str, Any]] = [
    {"id": "10021", "customer_email": "jane@example.com", "total_minor": 6000, "currency": "USD"},
    {"id": "20019", "customer_email": "jane@example.com", "status": "shipped"},
    {"id": "20018", "customer_email": "jane@example.com", "status": "cancelled"},
    {"id": "30001", "customer_email": "somebody@example.com", "total_minor": 6000},
]
REGISTRY = discover()


@dataclass(frozen=True)
class Case:
    """One handler at work. `write` and `reads` are operations of its vendor; `keyed`: the vendor honours its key."""

    intent: str
    parameters: dict[str, Any]
    vendor: str
    write: str | None
    subject: str = ""
    amount_minor: int | None = None
    reads: tuple[str, ...] = ()
    keyed: bool = False
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.intent

    def params(self, **changed: Any) -> Any:
        """Return the handler's parameters."""
        return self.declared.parameters(**(self.parameters | changed))

    @property
    def declared(self) -> Intent:
        """What the folder declares."""
        return REGISTRY[self.intent]

    @property
    def handler(self) -> Any:
        """The folder's `main` module."""
        return load_handler(self.intent)


CASES = [
    Case(
        "refund_request",
        {"order_id": "#10021", "amount_minor": 2500, "currency": "USD"},
        "stripe",
        "refund",
        subject="10021",
        amount_minor=2500,
        reads=("find_payment",),
        keyed=True,
    ),
    Case(
        "password_reset",
        {"email": "jane@example.com"},
        "auth0",
        "change_password",
        subject="jane@example.com",
        options={"client_id": "client", "connection": "Users"},
    ),
    Case("order_status", {"order_id": "#10021"}, "shop", None, reads=("get_order",)),
    Case("cancel_order", {"order_id": "#10021"}, "shop", "cancel", subject="10021", reads=("get_order",), keyed=True),
    Case(
        "change_address",
        {"order_id": "#10021", "new_address": "12 Baker Street, London NW1 6XE"},
        "shop",
        "change_address",
        subject="10021",
        reads=("get_order",),
    ),
    Case(
        "ticket_summary",
        {"summary": "Order 10021 arrived broken."},
        "slack",
        "post_message",
        subject="#ops",
        options={"channel": "#ops"},
    ),
]
WRITES = [case for case in CASES if case.write]


async def nothing() -> None:
    """Set no start marker."""


def context(
    url: str,
    pool: Pool,
    case: Case,
    *,
    effect_key: str = "t1.op.1",
    email: str = OWNER,
    dry_run: bool = False,
    deadline_s: float = 5.0,
    before_write: Callable[[], Awaitable[None]] = nothing,
    transport: Any = None,
) -> TaskContext:
    """Return what the executor would hand to the handler, bound to the sandbox at `url`."""
    deadline = asyncio.get_running_loop().time() + deadline_s
    http = Outbound(
        url,
        name="vendor",
        token="token-of-the-test",
        allow_private=True,
        max_in_flight=10,
        deadline=deadline,
        before_write=before_write,
        transport=transport,
        pool=pool,
    )
    requester = {"email": email} if email else {}
    return TaskContext("t1", effect_key, 1, deadline, dry_run, http, lambda *_, **__: None, requester, case.options)
