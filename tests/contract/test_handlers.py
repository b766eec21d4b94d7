"""Every handler against the vendors' sandbox, over real HTTP, with everything that goes wrong on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from infra.sandbox.app import create_app
from infra.sandbox.desk import Desk
from infra.sandbox.server import serving
from shared.intent.outcomes import Ambiguous, HandlerOutcome, NotApplied, Permanent
from shared.wiring.lanes import Pool
from tests.contract.handler_contract import CASES, ORDERS, Case, context
from tests.contract.vendors import Done
from tests.contract.vendors_contract import REFUND, VendorsContract, bound, of_orders
from tests.shipped import SHIPPED

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

    def __init__(self, url: str, desk: Desk, pool: Pool) -> None:
        self.url, self.desk, self.pool = url, desk, pool

    def script(self, case: Case, operation: str | None, fault: str, **more: Any) -> None:
        item = {"vendor": case.vendor, "operation": operation, "fault": fault, "retry_after_s": RETRY_AFTER_S}
        self.desk.faults.script([item | more])

    def seed(self, orders: Sequence[dict[str, Any]]) -> None:
        self.desk.orders.seed(orders)

    def vanish(self) -> None:
        self.url = "http://127.0.0.1:1"

    @property
    def done(self) -> list[Done]:
        return [Done(e.operation, e.subject, e.amount_minor, e.idempotency_key) for e in self.desk.ledger.entries]

    @property
    def asked(self) -> int:
        return sum(self.desk.calls[f"{case.vendor}.{case.write}"] for case in CASES)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Current, str]]:
    current = Current()
    with serving(current) as url:
        yield current, url


@pytest.fixture
async def vendors(server: tuple[Current, str], pool: Pool) -> Sandbox:
    current, url = server
    current.app = create_app()
    sandbox = Sandbox(url, current.app.state.desk, pool)
    sandbox.seed(ORDERS)
    return sandbox


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()


def test_every_intent_that_ships_has_a_case() -> None:
    assert {case.intent for case in CASES} == set(SHIPPED)


class TestSandbox(VendorsContract):
    async def test_replay_is_kept_apart_from_effects(self, vendors: Sandbox) -> None:
        for _ in range(2):
            await REFUND.handler.handle(REFUND.params(), bound(vendors, REFUND))
        assert (len(vendors.desk.ledger.entries), len(vendors.desk.ledger.replays)) == (1, 1)


@of_orders
async def test_without_an_authenticated_address_nothing_is_looked_up(case: Case, vendors: Sandbox) -> None:
    with pytest.raises(Permanent) as caught:
        await case.handler.handle(case.params(), bound(vendors, case, email=""))
    assert caught.value.code == "no_requester"
    assert not vendors.desk.calls


@pytest.mark.parametrize(
    ("email", "is_owner"),
    [
        ("<JANE@example.com>", True),
        ("jane+shop@example.com", False),
        ("jane@Example.com.", True),
        ("j\u0430ne@example.com", False),
    ],
)
@pytest.mark.parametrize("case", [case for case in CASES if "10021" in str(case.parameters.get("order_id"))], ids=str)
async def test_owner_is_known_however_the_address_is_written(
    case: Case, email: str, is_owner: bool, vendors: Sandbox
) -> None:
    asked = bound(vendors, case, email=email, dry_run=True)
    if is_owner:
        assert await case.handler.handle(case.params(), asked)
        return
    with pytest.raises(Permanent) as caught:
        await case.handler.handle(case.params(), asked)
    assert caught.value.code == "not_owner"


# --- refunds --------------------------------------------------------------------------------------------------------


async def test_a_plan_names_amount_order_and_provider(vendors: Sandbox) -> None:
    said = await REFUND.handler.plan(REFUND.params(amount_minor=2505), bound(vendors, REFUND))
    assert said == "Refund 25.05 USD of order 10021 through Stripe"


async def test_a_refund_is_found_behind_a_hundred_newer_ones(vendors: Sandbox) -> None:
    for number in range(130):
        params = REFUND.params(order_id="55501", amount_minor=100 + number)
        payer = bound(vendors, REFUND, effect_key=f"t{number}.op.1", email="customer-55501@example.com")
        await REFUND.handler.handle(params, payer)
    assert await REFUND.handler.reconcile("t0.op.1", bound(vendors, REFUND)) == "applied"
    assert await REFUND.handler.reconcile("t999.op.1", bound(vendors, REFUND)) == "not_applied"
    assert vendors.desk.calls["stripe.list_refunds"] == 4


async def test_refund_whose_payer_stripe_does_not_name_needs_a_person(vendors: Sandbox) -> None:
    vendors.seed([{"id": "55502", "customer_email": "", "total_minor": 5000}])
    params = REFUND.params(order_id="55502", amount_minor=100)
    with pytest.raises(Permanent) as caught:
        await REFUND.handler.handle(params, bound(vendors, REFUND))
    assert (caught.value.code, vendors.done) == ("payer_unknown", [])
    await REFUND.handler.plan(params, bound(vendors, REFUND, dry_run=True))
    await REFUND.handler.handle(params, replace(bound(vendors, REFUND), approved=True))
    assert len(vendors.done) == 1


async def test_reconcile_gives_up_after_ten_pages(pool: Pool) -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        refund = {"id": f"re_{len(asked)}", "metadata": {}, "status": "succeeded"}
        return httpx.Response(200, json={"data": [refund], "has_more": True})

    ctx = context("http://stripe.test", pool, REFUND, transport=httpx.MockTransport(answer))
    assert await REFUND.handler.reconcile("t1.op.1", ctx) == "unknown"
    assert len(asked) == 10
    assert asked[-1].params["starting_after"] == "re_9"


# --- Slack --------------------------------------------------------------------------------------------------------

SUMMARY = CASES[-1]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ratelimited", NotApplied),
        ("channel_not_found", Permanent),
        ("invalid_auth", Permanent),
        ("internal_error", Ambiguous),
        ("fatal_error", Ambiguous),
    ],
)
async def test_slack_refusals_that_come_with_200_are_read(
    error: str, expected: type[HandlerOutcome], vendors: Sandbox
) -> None:
    vendors.script(SUMMARY, "post_message", "error", error=error)
    with pytest.raises(expected):
        await SUMMARY.handler.handle(SUMMARY.params(), bound(vendors, SUMMARY))
    assert vendors.done == []


async def test_a_summary_can_neither_mention_the_channel_nor_dress_up_a_link(pool: Pool) -> None:
    posted: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        posted.append(request.content)
        return httpx.Response(200, json={"ok": True, "ts": "1.2"})

    ctx = context("http://slack.test", pool, SUMMARY, transport=httpx.MockTransport(answer))
    await SUMMARY.handler.handle(SUMMARY.params(summary="<!channel> see <evil.test|here>"), ctx)
    assert b"<" not in posted[0]


@pytest.mark.parametrize("body", ["<html>busy</html>", "[]", "{}"])
async def test_an_answer_nobody_can_read_leaves_it_open(body: str, pool: Pool) -> None:
    ctx = context(
        "http://slack.test", pool, SUMMARY, transport=httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    )
    with pytest.raises(Ambiguous):
        await SUMMARY.handler.handle(SUMMARY.params(), ctx)
