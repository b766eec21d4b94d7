"""The vendors' sandbox over HTTP, as `Vendors`; `conftest` serves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from infra.sandbox.desk import Desk
from infra.sandbox.stripe import Stripe
from shared.wiring.lanes import Pool
from tests.contract.handler_contract import CASES, Case
from tests.contract.vendors import Done

RETRY_AFTER_S = 7.0


class Current:
    """The sandbox of the test that runs now, behind one server for all of them."""

    app: Starlette

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Sandbox:
    """The sandbox as `Vendors`."""

    pauses_s = (RETRY_AFTER_S,)
    patience_s = 1.0

    def __init__(self, url: str, app: Starlette, pool: Pool) -> None:
        self.url, self.pool = url, pool
        self.desk: Desk = app.state.desk
        self.stripe: Stripe = app.state.stripe

    def script(self, case: Case, operation: str | None, fault: str, **more: Any) -> None:
        item = {"vendor": case.vendor, "operation": operation, "fault": fault, "retry_after_s": RETRY_AFTER_S}
        self.desk.faults.script([item | more])

    def seed(self, orders: Sequence[dict[str, Any]]) -> None:
        self.desk.orders.seed(orders)

    def vanish(self) -> None:
        self.url = "http://127.0.0.1:1"

    def settle(self, **end: str) -> None:
        """Give a refund that Stripe has not finished its end: `effect_key`, `status`."""
        self.stripe.settle([end])

    @property
    def done(self) -> list[Done]:
        return [Done(e.operation, e.subject, e.amount_minor, e.idempotency_key) for e in self.desk.ledger.entries]

    @property
    def asked(self) -> int:
        return sum(self.desk.calls[f"{case.vendor}.{case.write}"] for case in CASES)
