"""Every handler against the vendors' sandbox, over real HTTP, with everything that goes wrong on the way."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from infra.sandbox.app import create_app
from infra.sandbox.desk import Desk
from infra.sandbox.server import serving
from shared.handler import Ambiguous, HandlerOutcome, NotApplied, Permanent, TaskOutput
from shared.outbound import Pool
from tests.contract.handler_contract import CASES, ORDERS, REGISTRY, WRITES, Case, context

# fault -> what the handler must raise, how many effects the ledger then holds
TROUBLE: dict[str, tuple[type[HandlerOutcome], int]] = {
    "refuse": (Ambiguous, 0),
    "timeout_before": (Ambiguous, 0),
    "timeout_after": (Ambiguous, 1),
    "reset_after": (Ambiguous, 1),
    "500": (Ambiguous, 0),
    "503": (Ambiguous, 0),
    "500_after": (Ambiguous, 1),
    "stored_500": (Ambiguous, 0),
    "429": (NotApplied, 0),
}
each_handler = pytest.mark.parametrize("case", CASES, ids=str)
each_write = pytest.mark.parametrize("case", WRITES, ids=str)
each_keyed = pytest.mark.parametrize("case", [c for c in WRITES if c.keyed], ids=str)


class Current:
    """The sandbox of the test that runs now, behind one server for all of them."""

    app: Starlette

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Current, str]]:
    current = Current()
    with serving(current) as url:
        yield current, url


@pytest.fixture
def url(server: tuple[Current, str]) -> str:
    current, url = server
    current.app = create_app()
    current.app.state.desk.orders.seed(ORDERS)
    return url


@pytest.fixture
def desk(server: tuple[Current, str], url: str) -> Desk:
    desk: Desk = server[0].app.state.desk
    return desk


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()


def script(desk: Desk, case: Case, operation: str | None, fault: str, **more: Any) -> None:
    desk.faults.script([{"vendor": case.vendor, "operation": operation, "fault": fault, **more}])


def words(result: str | TaskOutput) -> str:
    return result.output if isinstance(result, TaskOutput) else result


def test_every_intent_has_a_case() -> None:
    assert {case.intent for case in CASES} == set(REGISTRY)


@each_write
async def test_success_is_one_entry_in_the_ledger(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    result = await case.handler.handle(case.params(), context(url, pool, case, effect_key="t1.op.1"))

    [entry] = desk.ledger.entries
    assert (entry.vendor, entry.operation, entry.subject) == (case.vendor, case.write, case.subject)
    assert entry.amount_minor == case.amount_minor
    assert entry.idempotency_key == ("t1.op.1" if case.keyed else None)
    assert words(result)
    assert not words(result).startswith("would")


@each_keyed
async def test_the_same_effect_key_twice_is_one_effect(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    first = await case.handler.handle(case.params(), context(url, pool, case))
    desk.orders.seed([{**ORDERS[0], "status": "processing"}])  # so that the shop is asked again
    second = await case.handler.handle(case.params(), context(url, pool, case))

    assert len(desk.ledger.entries) == 1
    assert len(desk.ledger.replays) == 1
    assert second == first


@each_write
@pytest.mark.parametrize("fault", TROUBLE)
async def test_trouble_is_told_as_what_is_known_of_the_effect(
    case: Case, fault: str, url: str, desk: Desk, pool: Pool
) -> None:
    expected, effects = TROUBLE[fault]
    script(desk, case, case.write, fault, retry_after_s=7)

    with pytest.raises(expected) as caught:
        await case.handler.handle(case.params(), context(url, pool, case, deadline_s=0.4))

    assert len(desk.ledger.entries) == effects
    assert type(caught.value) is expected
    if expected is NotApplied:
        assert caught.value.retry_after_s == 7  # type: ignore[attr-defined]
    assert "token-of-the-test" not in str(caught.value)
    assert case.subject not in str(caught.value)


@each_keyed
@pytest.mark.parametrize("fault", TROUBLE)
async def test_a_retry_with_the_same_key_ends_with_one_effect(
    case: Case, fault: str, url: str, desk: Desk, pool: Pool
) -> None:
    script(desk, case, case.write, fault)
    with pytest.raises(HandlerOutcome):
        await case.handler.handle(case.params(), context(url, pool, case, deadline_s=0.4))

    if fault == "stored_500":  # Stripe answers this key with 500 for ever: reconcile has to settle it
        with pytest.raises(Ambiguous):
            await case.handler.handle(case.params(), context(url, pool, case))
        assert desk.ledger.entries == []
        assert await case.handler.reconcile("t1.op.1", context(url, pool, case)) == "not_applied"
    else:
        await case.handler.handle(case.params(), context(url, pool, case))
        assert len(desk.ledger.entries) == 1


@each_write
async def test_conflict_is_ambiguous_only_where_a_key_was_sent(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    script(desk, case, case.write, "409")
    with pytest.raises(Ambiguous if case.keyed else Permanent) as caught:
        await case.handler.handle(case.params(), context(url, pool, case))
    assert caught.value.code == "provider_409"
    assert desk.ledger.entries == []


@each_handler
@pytest.mark.parametrize("fault", ["refuse", "timeout_before", "500", "429"])
async def test_trouble_while_looking_up_means_nothing_was_applied(
    case: Case, fault: str, url: str, desk: Desk, pool: Pool
) -> None:
    for operation in case.reads:
        script(desk, case, operation, fault)
        started: list[bool] = []

        async def start(started: list[bool] = started) -> None:
            started.append(True)

        with pytest.raises(NotApplied):
            await case.handler.handle(case.params(), context(url, pool, case, deadline_s=0.4, before_write=start))
        assert not started
    assert desk.ledger.entries == []


@each_handler
async def test_nobody_listening_means_nothing_was_applied(case: Case, pool: Pool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NotApplied) as caught:
            await case.handler.handle(case.params(), context(url, pool, case))
    assert caught.value.code == "no_connection"


@each_write
async def test_dry_run_writes_nothing_and_says_what_it_would_do(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    said = await case.handler.handle(case.params(), context(url, pool, case, dry_run=True))
    assert said.startswith("would ")
    assert desk.ledger.entries == []
    assert desk.calls[f"{case.vendor}.{case.write}"] == 0


@each_handler
async def test_plan_writes_nothing_and_is_one_sentence(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    said = await case.handler.plan(case.params(), context(url, pool, case))
    assert said[0].isupper()
    assert "\n" not in said
    assert desk.ledger.entries == []
    assert desk.calls[f"{case.vendor}.{case.write}"] == 0


@each_write
async def test_a_start_marker_that_is_refused_stops_the_effect(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    async def refuse() -> None:
        raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="lease"):
        await case.handler.handle(case.params(), context(url, pool, case, before_write=refuse))
    assert desk.ledger.entries == []


@each_keyed
async def test_reconcile_tells_applied_from_not_applied(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    script(desk, case, case.write, "timeout_before")
    with pytest.raises(Ambiguous):
        await case.handler.handle(case.params(), context(url, pool, case, deadline_s=0.4))
    assert await case.handler.reconcile("t1.op.1", context(url, pool, case)) == "not_applied"

    script(desk, case, case.write, "timeout_after")
    with pytest.raises(Ambiguous):
        await case.handler.handle(case.params(), context(url, pool, case, deadline_s=0.4))
    assert await case.handler.reconcile("t1.op.1", context(url, pool, case)) == "applied"
    assert await case.handler.reconcile("t1.op.2", context(url, pool, case)) == "not_applied"


# --- whose order it is, and how far it has come -------------------------------------------------------------------

of_orders = pytest.mark.parametrize("case", [c for c in CASES if c.reads == ("get_order",)], ids=str)
changes_orders = pytest.mark.parametrize("case", [c for c in WRITES if c.reads == ("get_order",)], ids=str)


@of_orders
async def test_an_order_of_somebody_else_is_neither_shown_nor_changed(
    case: Case, url: str, desk: Desk, pool: Pool
) -> None:
    for step in (case.handler.handle, *([case.handler.plan] if case.write else [])):
        with pytest.raises(Permanent) as caught:
            await step(case.params(order_id="30001"), context(url, pool, case))
        assert caught.value.code == "not_owner"
    assert desk.ledger.entries == []


@of_orders
async def test_without_an_authenticated_address_nothing_is_looked_up(
    case: Case, url: str, desk: Desk, pool: Pool
) -> None:
    with pytest.raises(Permanent) as caught:
        await case.handler.handle(case.params(), context(url, pool, case, email=""))
    assert caught.value.code == "no_requester"
    assert not desk.calls


@of_orders
async def test_an_unknown_order_is_final(case: Case, url: str, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await case.handler.handle(case.params(order_id="40412"), context(url, pool, case))
    assert caught.value.code == "provider_404"
    assert "40412" not in str(caught.value)


@changes_orders
async def test_a_shipped_order_is_left_alone(case: Case, url: str, desk: Desk, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await case.handler.handle(case.params(order_id="#20019"), context(url, pool, case))
    assert caught.value.code == "already_shipped"
    assert desk.ledger.entries == []


async def test_cancelling_a_cancelled_order_succeeds_without_a_call(url: str, desk: Desk, pool: Pool) -> None:
    [case] = [c for c in CASES if c.intent == "cancel_order"]
    said = await case.handler.handle(case.params(order_id="20018"), context(url, pool, case))
    assert said == "Order 20018 was already cancelled"
    assert desk.calls["shop.cancel"] == 0


async def test_order_status_tells_the_owner(url: str, pool: Pool) -> None:
    [case] = [c for c in CASES if c.intent == "order_status"]
    said = await case.handler.handle(case.params(order_id="20019"), context(url, pool, case))
    assert said.startswith("Order 20019 is shipped, expected 2030-")


# --- refunds ------------------------------------------------------------------------------------------------------

REFUND = CASES[0]


async def test_a_plan_names_amount_order_and_provider(url: str, pool: Pool) -> None:
    said = await REFUND.handler.plan(REFUND.params(amount_minor=2505), context(url, pool, REFUND))
    assert said == "Refund 25.05 USD of order 10021 through Stripe"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"currency": "EUR"}, "no_payment"),  # it was paid in dollars
        ({"order_id": "40412"}, "no_payment"),
        ({"order_id": "30001"}, "not_owner"),
        ({"amount_minor": 6001}, "amount_too_large"),
    ],
)
async def test_a_refund_that_does_not_fit_the_payment_is_final(
    changed: dict[str, Any], code: str, url: str, desk: Desk, pool: Pool
) -> None:
    with pytest.raises(Permanent) as caught:
        await REFUND.handler.handle(REFUND.params(**changed), context(url, pool, REFUND))
    assert caught.value.code == code
    assert desk.ledger.entries == []


async def test_a_key_that_stripe_knows_from_another_refund_leaves_it_open(url: str, desk: Desk, pool: Pool) -> None:
    await REFUND.handler.handle(REFUND.params(), context(url, pool, REFUND))
    with pytest.raises(Ambiguous) as caught:
        await REFUND.handler.handle(REFUND.params(amount_minor=100), context(url, pool, REFUND))
    assert caught.value.code == "key_reused"
    assert len(desk.ledger.entries) == 1


async def test_a_refund_is_found_behind_a_hundred_newer_ones(url: str, desk: Desk, pool: Pool) -> None:
    for number in range(130):
        params = REFUND.params(order_id="55501", amount_minor=100 + number)
        await REFUND.handler.handle(params, context(url, pool, REFUND, effect_key=f"t{number}.op.1"))
    assert await REFUND.handler.reconcile("t0.op.1", context(url, pool, REFUND)) == "applied"
    assert await REFUND.handler.reconcile("t999.op.1", context(url, pool, REFUND)) == "not_applied"
    assert desk.calls["stripe.list_refunds"] == 4


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
    error: str, expected: type[HandlerOutcome], url: str, desk: Desk, pool: Pool
) -> None:
    script(desk, SUMMARY, "post_message", "error", error=error)
    with pytest.raises(expected):
        await SUMMARY.handler.handle(SUMMARY.params(), context(url, pool, SUMMARY))
    assert desk.ledger.entries == []


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
