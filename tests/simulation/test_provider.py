"""The simulated vendors answer the handlers as the sandbox does, which they are tested on over HTTP."""

from __future__ import annotations

import random
import re
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

import pytest

from shared.intent.outcomes import Ambiguous
from shared.wiring.lanes import Pool
from tests.contract.handler_contract import ORDERS, Case
from tests.contract.vendors import Done
from tests.contract.vendors_contract import REFUND, VendorsContract, bound
from tests.simulation.faults import WRITE_FATES
from tests.simulation.loop import ACTOR, Actor, Instance
from tests.simulation.provider import KEYS_LIVE_S, READ_FATES, Provider, Request, Response, SimulatedPool
from tests.simulation.trouble import Calm

# What the sandbox calls it -> what the simulation does.
FATES = {"refuse": "reset_before", "500": "500_before", "503": "503_before", "409": "409_in_use"}
OPERATIONS = {
    ("POST", r"/v1/refunds"): "refund",
    ("GET", r"/v1/payment_intents/search"): "find_payment",
    ("GET", r"/orders/[^/]+"): "get_order",
    ("POST", r"/orders/[^/]+/cancel"): "cancel",
    ("POST", r"/orders/[^/]+/address"): "change_address",
    ("POST", r"/dbconnections/change_password"): "change_password",
    ("POST", r"/api/chat.postMessage"): "post_message",
}


class ScriptedProvider(Provider):
    """The simulated vendors as `Vendors`: what goes wrong is said, not drawn."""

    url = "http://vendors.test"
    pauses_s = (1.0, 30.0, 300.0)
    patience_s = 0.3

    def __init__(self) -> None:
        super().__init__(Calm(), random.Random(7), lambda: 0.0, lambda effect: None, self._count)
        self.pool: Pool = SimulatedPool(self)
        self.asked = 0
        self.days = 0
        self._scripted: defaultdict[str | None, deque[str]] = defaultdict(deque)
        self._gone = False

    def script(self, case: Case, operation: str | None, fault: str) -> None:
        self._scripted[operation].append(FATES.get(fault, fault))

    def seed(self, orders: Sequence[dict[str, Any]]) -> None:
        self.orders.seed(orders)

    def vanish(self) -> None:
        self._gone = True

    @property
    def done(self) -> list[Done]:
        return [Done(e.operation, e.subject, e.values.get("amount_minor"), e.key) for e in self.ledger]

    def fate(self, request: Request) -> str:
        if self._gone:
            return "refused"
        scripted = self._scripted[_operation(request)]
        return scripted.popleft() if scripted else ""

    async def send(self, request: Request, *, stream: bool) -> Response:
        ACTOR.set(Actor("test", Instance("test", None), "execute", "t1", 1))
        return await super().send(request, stream=stream)

    def _count(self, *_: object) -> None:
        self.asked += 1

    def _now(self) -> float:
        return super()._now() + self.days * KEYS_LIVE_S


def _operation(request: Request) -> str | None:
    return next((o for (m, p), o in OPERATIONS.items() if m == request.method and re.fullmatch(p, request.path)), None)


class TestSimulatedVendors(VendorsContract):
    @pytest.fixture
    def vendors(self) -> ScriptedProvider:
        provider = ScriptedProvider()
        provider.seed(ORDERS)
        return provider

    async def test_a_key_is_forgotten_after_a_day(self, vendors: ScriptedProvider) -> None:
        for days in (0, 0, 1):
            vendors.days = days
            await REFUND.handler.handle(REFUND.params(), bound(vendors, REFUND))
        assert len(vendors.done) == 2

    @pytest.mark.parametrize("fate", ["503_before", "500_before", "500_after", "reset_before", "timeout_after"])
    async def test_a_key_that_met_trouble_is_one_effect_all_the_same(
        self, vendors: ScriptedProvider, fate: str
    ) -> None:
        vendors.script(REFUND, REFUND.write, fate)
        with pytest.raises(Ambiguous):
            await REFUND.handler.handle(REFUND.params(), bound(vendors, REFUND, fate))
        for _ in range(2):
            await REFUND.handler.handle(REFUND.params(), bound(vendors, REFUND))
        assert len(vendors.done) == 1


@pytest.mark.parametrize(("method", "fates"), [("GET", READ_FATES), ("POST", WRITE_FATES)])
def test_every_fate_is_drawn(method: str, fates: tuple[str, ...]) -> None:
    provider = Provider(Calm(), random.Random(7), lambda: 0.5, lambda effect: None, lambda *_: None)
    request = provider.build_request(method, "http://vendors.test/orders/10021", headers={})
    assert {provider.fate(request) for _ in range(500)} == {"", *fates}
