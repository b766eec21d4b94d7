"""What Stripe's answers prove of a refund: which payment, how much is left of it, and whether the money has moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from infra.sandbox.orders import PAID_AT
from shared.currency import DECIMALS
from shared.intent.handler import TaskContext
from shared.intent.outcomes import Ambiguous, HandlerOutcome, LockedOut, NotApplied, Pending, Permanent
from shared.wiring.lanes import Pool
from tests.contract.handler_contract import context
from tests.contract.sandbox_vendors import Sandbox
from tests.contract.vendors_contract import REFUND, bound, words

JANE = "jane@example.com"
DAY_S = 86_400


def order(number: str, *paid: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return an order of Jane's that was paid several times."""
    return {"id": number, "customer_email": JANE, "total_minor": 6000, "currency": "USD", "paid": paid} | fields


def ctx(vendors: Sandbox, effect_key: str = "t1.op.1", **changed: Any) -> TaskContext:
    return replace(bound(vendors, REFUND, effect_key=effect_key), **changed)


async def refund(vendors: Sandbox, order_id: str, amount_minor: int, effect_key: str = "t1.op.1", **more: Any) -> str:
    params = REFUND.params(order_id=order_id, amount_minor=amount_minor, currency=more.pop("currency", "USD"))
    return words(await REFUND.handler.handle(params, ctx(vendors, effect_key, **more)))


async def refused(vendors: Sandbox, *args: Any, **more: Any) -> HandlerOutcome:
    with pytest.raises(HandlerOutcome) as caught:
        await refund(vendors, *args, **more)
    return caught.value


def refunded_payments(vendors: Sandbox) -> list[str]:
    return [refund["payment_intent"] for refund in vendors.stripe.refunds]


# --- the status of the refund, not of the answer


@pytest.mark.parametrize(
    ("status", "expected", "code", "verdict"),
    [
        ("pending", Pending, "refund_pending", "pending"),
        ("requires_action", Pending, "refund_requires_action", "pending"),
        ("failed", Permanent, "refund_failed", "not_applied"),
        ("canceled", Permanent, "refund_canceled", "not_applied"),
    ],
)
async def test_only_a_refund_that_succeeded_is_done(
    status: str, expected: type[HandlerOutcome], code: str, verdict: str, vendors: Sandbox
) -> None:
    vendors.script(REFUND, "refund", status)
    outcome = await refused(vendors, "10021", 2500)
    assert (type(outcome), outcome.code, vendors.done) == (expected, code, [])
    assert await REFUND.handler.reconcile("t1.op.1", ctx(vendors)) == verdict
    again = await refused(vendors, "10021", 2500)
    assert (type(again), vendors.asked) == (expected, 1)  # seen, not asked for again


@pytest.mark.parametrize(("status", "verdict"), [("succeeded", "applied"), ("failed", "not_applied")])
async def test_a_pending_refund_ends_when_stripe_says_so(status: str, verdict: str, vendors: Sandbox) -> None:
    vendors.script(REFUND, "refund", "pending")
    await refused(vendors, "10021", 2500)
    vendors.settle(effect_key="t1.op.1", status=status)
    assert await REFUND.handler.reconcile("t1.op.1", ctx(vendors)) == verdict
    assert len(vendors.done) == (status == "succeeded")


async def test_a_refund_that_failed_is_made_again_under_the_next_key_only(vendors: Sandbox) -> None:
    vendors.script(REFUND, "refund", "failed")
    for _ in range(2):
        assert (await refused(vendors, "10021", 2500)).code == "refund_failed"
    assert await refund(vendors, "10021", 2500, "t1.op.2") == "Refunded 25.00 USD of order 10021 through Stripe"
    assert len(vendors.done) == 1


async def test_a_refusal_that_stripe_keeps_under_the_key_is_final_for_that_key(vendors: Sandbox) -> None:
    vendors.script(REFUND, "refund", "stored_402", error="balance_insufficient")
    assert [type(await refused(vendors, "10021", 2500)) for _ in range(2)] == [Permanent] * 2
    await refund(vendors, "10021", 2500, "t1.op.2")
    assert len(vendors.done) == 1


async def test_a_redirect_after_the_refund_leaves_it_open_and_is_found(vendors: Sandbox) -> None:
    vendors.script(REFUND, "refund", "302_after")
    assert type(await refused(vendors, "10021", 2500)) is Ambiguous
    assert await refund(vendors, "10021", 2500) == "Refunded 25.00 USD of order 10021 through Stripe"
    assert (len(vendors.done), vendors.asked) == (1, 1)


@pytest.mark.parametrize("operation", ["find_payment", "list_refunds", "refund"])
async def test_a_revoked_key_means_that_nothing_happened(operation: str, vendors: Sandbox) -> None:
    vendors.script(REFUND, operation, "401", retry_after_s=None)
    outcome = await refused(vendors, "10021", 2500)
    assert (type(outcome), outcome.code, vendors.done) == (LockedOut, "provider_401", [])
    await refund(vendors, "10021", 2500)
    assert len(vendors.done) == 1


async def test_a_quota_that_ends_later_is_waited_for(vendors: Sandbox) -> None:
    vendors.script(REFUND, "refund", "429", retry_after_s=None, headers={"X-RateLimit-Reset": "40"})
    outcome = await refused(vendors, "10021", 2500)
    assert isinstance(outcome, NotApplied)
    assert outcome.retry_after_s == 40


async def test_an_answer_that_is_no_refund_leaves_it_open(pool: Pool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json=[])
        return httpx.Response(200, json={"data": [PAYMENT] if "search" in request.url.path else [], "has_more": False})

    with pytest.raises(Ambiguous):
        await REFUND.handler.handle(REFUND.params(), mocked(pool, answer))


async def test_a_key_that_another_refund_used_leaves_it_open(vendors: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=vendors.url) as client:
        form = {"payment_intent": "pi_10021_usd", "amount": "100"}
        await client.post("/v1/refunds", data=form, headers={"Idempotency-Key": "t1.op.1"})
    outcome = await refused(vendors, "10021", 2500)
    assert (type(outcome), outcome.code) == (Ambiguous, "key_reused")


# --- several payments


async def test_the_payment_that_can_still_be_refunded_is_taken(vendors: Sandbox) -> None:
    vendors.seed([order("55510", {}, {"created": PAID_AT - DAY_S})])
    await refund(vendors, "55510", 6000, "t1.op.1", approved=True)
    await refund(vendors, "55510", 6000, "t2.op.1")
    assert refunded_payments(vendors) == ["pi_55510_usd_0", "pi_55510_usd_1"]
    outcome = await refused(vendors, "55510", 1, "t3.op.1")
    assert (type(outcome), outcome.code) == (Permanent, "charge_already_refunded")


async def test_of_several_payments_a_person_has_to_approve_and_the_latest_is_refunded(vendors: Sandbox) -> None:
    vendors.seed([order("55511", {"created": PAID_AT - DAY_S}, {})])
    outcome = await refused(vendors, "55511", 2500)
    assert (type(outcome), outcome.code, vendors.done) == (Permanent, "several_payments", [])
    await refund(vendors, "55511", 2500, approved=True)
    assert refunded_payments(vendors) == ["pi_55511_usd_1"]


async def test_a_retry_stays_with_the_payment_it_began_with(vendors: Sandbox) -> None:
    vendors.seed([order("55512", {}, {"created": PAID_AT - DAY_S})])
    vendors.script(REFUND, "refund", "reset_after")
    assert type(await refused(vendors, "55512", 6000, approved=True)) is Ambiguous
    await refund(vendors, "55512", 6000, approved=True)
    assert refunded_payments(vendors) == ["pi_55512_usd_0"]


async def test_a_payment_of_somebody_else_does_not_hide_the_requesters_own(vendors: Sandbox) -> None:
    vendors.seed([order("55513", {"receipt_email": "friend@example.com"}, {})])
    await refund(vendors, "55513", 2500)
    assert refunded_payments(vendors) == ["pi_55513_usd_1"]


async def test_a_payment_behind_more_than_a_page_of_failed_ones_is_found(vendors: Sandbox) -> None:
    vendors.seed([order("55514", *[{"status": "requires_payment_method"}] * 130, {})])
    await refund(vendors, "55514", 2500)
    assert vendors.desk.calls["stripe.find_payment"] == 2
    assert refunded_payments(vendors) == ["pi_55514_usd_130"]


async def test_a_mailbox_that_only_folds_to_the_requesters_is_somebody_elses(vendors: Sandbox) -> None:
    vendors.seed([order("55515", {"receipt_email": "\u212aim@example.com"})])
    outcome = await refused(vendors, "55515", 100, requester={"email": "kim@example.com"})
    assert (outcome.code, vendors.done) == ("not_owner", [])


# --- part of a payment


async def test_never_more_than_is_left_is_refunded_and_the_rest_is_named(vendors: Sandbox) -> None:
    await refund(vendors, "10021", 4000)
    outcome = await refused(vendors, "10021", 2001, "t2.op.1")
    assert (outcome.code, vendors.asked) == ("amount_too_large", 1)
    assert outcome.message == "only 20.00 USD can still be refunded of one payment"
    await refund(vendors, "10021", 2000, "t3.op.1")


async def test_a_refund_under_way_counts_and_one_that_failed_does_not(vendors: Sandbox) -> None:
    vendors.script(REFUND, "refund", "pending")
    await refused(vendors, "10021", 6000)
    assert (await refused(vendors, "10021", 1, "t2.op.1")).code == "charge_already_refunded"
    vendors.settle(effect_key="t1.op.1", status="failed")
    await refund(vendors, "10021", 6000, "t3.op.1")
    assert len(vendors.done) == 1


async def test_a_plan_tells_what_was_refunded_before(vendors: Sandbox) -> None:
    await refund(vendors, "10021", 1500)
    vendors.script(REFUND, "refund", "pending")
    await refused(vendors, "10021", 500, "t2.op.1")
    vendors.script(REFUND, "refund", "failed")
    await refused(vendors, "10021", 700, "t3.op.1")
    for refund_, created in zip(vendors.stripe.refunds, (1_793_700_000, 1_793_800_000, 1_793_900_000), strict=True):
        refund_["created"] = created
    said = await REFUND.handler.plan(REFUND.params(amount_minor=2505), ctx(vendors, "t4.op.1"))
    assert said == (
        "Refund 25.05 USD of order 10021 through Stripe; 5.00 USD were refunded on 2026-11-04 (pending); "
        "15.00 USD were refunded on 2026-11-03"
    )


async def test_a_plan_of_many_refunds_stays_short(vendors: Sandbox) -> None:
    for number in range(8):
        await refund(vendors, "10021", 100, f"t{number}.op.1")
    said = await REFUND.handler.plan(REFUND.params(amount_minor=100), ctx(vendors, "t9.op.1"))
    assert said.count("1.00 USD were refunded") == 5
    assert said.endswith("; 3 more before")


# --- currencies


@pytest.mark.parametrize(
    ("currency", "minor", "said"), [("JPY", 5800, "5,800 JPY"), ("KWD", 12_340, "12.340 KWD"), ("EUR", 1, "0.01 EUR")]
)
async def test_an_amount_is_sent_in_the_minor_unit_of_its_currency(
    currency: str, minor: int, said: str, vendors: Sandbox
) -> None:
    vendors.seed([order("55520", total_minor=20_000, currency=currency)])
    output = await refund(vendors, "55520", minor, currency=currency)
    assert output == f"Refunded {said} of order 55520 through Stripe"
    [entry] = vendors.desk.ledger.entries
    assert (entry.amount_minor, entry.detail) == (minor, currency.lower())


def test_stripe_and_we_agree_on_the_currencies_without_decimals() -> None:
    """https://docs.stripe.com/currencies: its zero-decimal and three-decimal ones."""
    without = {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
    three = {"BHD", "JOD", "KWD", "OMR", "TND"}
    assert {code for code, decimals in DECIMALS.items() if decimals == 0} <= without
    assert {code for code, decimals in DECIMALS.items() if decimals == 3} == three
    assert not (without | three | {"ISK", "UGX", "HUF", "TWD"}) & {c for c, d in DECIMALS.items() if d == 2}


# --- what was there before


PAYMENT = {
    "id": "pi_1",
    "status": "succeeded",
    "currency": "usd",
    "amount_received": 6000,
    "receipt_email": JANE,
    "created": PAID_AT,
}


def mocked(pool: Pool, answer: Any) -> TaskContext:
    return context("http://stripe.test", pool, REFUND, transport=httpx.MockTransport(answer))


async def test_a_plan_names_amount_order_and_provider(vendors: Sandbox) -> None:
    said = await REFUND.handler.plan(REFUND.params(amount_minor=2505), bound(vendors, REFUND))
    assert said == "Refund 25.05 USD of order 10021 through Stripe"


async def test_a_refund_is_found_behind_a_hundred_newer_ones(vendors: Sandbox) -> None:
    for number in range(130):
        params = REFUND.params(order_id="55501", amount_minor=100 + number)
        payer = bound(vendors, REFUND, effect_key=f"t{number}.op.1", email="customer-55501@example.com")
        await REFUND.handler.handle(params, payer)
    vendors.desk.calls.clear()
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

    assert await REFUND.handler.reconcile("t1.op.1", mocked(pool, answer)) == "unknown"
    assert len(asked) == 10
    assert asked[-1].params["starting_after"] == "re_9"
