"""An order's payments at Stripe, what was refunded of them, and the one of them that a refund can be made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.execute.refund_request.intent import Parameters
from shared.currency import written
from shared.intent.handler import TaskContext
from shared.intent.outcomes import NotApplied, Permanent

# https://docs.stripe.com/api/versioning: without it the account's own version decides what an answer looks like.
VERSION = {"Stripe-Version": "2026-10-28.endive"}
MAX_PAGES = 10
PAGE = "100"
# https://docs.stripe.com/api/refunds/object: the other statuses are `pending`, `requires_action` and `succeeded`.
NOT_REFUNDED = frozenset({"failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that arrived, and its refunds as Stripe lists them, newest first. Amounts are in minor units."""

    id: str
    currency: str  # ISO 4217
    received: int
    refunds: tuple[dict[str, Any], ...]

    @property
    def left(self) -> int:
        """What can still be refunded: what is under way counts as refunded, what failed does not."""
        return self.received - sum(int(r["amount"]) for r in self.refunds if r.get("status") not in NOT_REFUNDED)

    def refund_of(self, effect_key: str) -> dict[str, Any] | None:
        """Return the refund that carries the key."""
        return next((refund for refund in self.refunds if is_of(refund, effect_key)), None)


def is_of(refund: dict[str, Any], effect_key: str) -> bool:
    """Whether a refund carries the key."""
    return (refund.get("metadata") or {}).get("effect_key") == effect_key


async def refundable(params: Parameters, ctx: TaskContext) -> Payment:
    """Return the order's payment that the amount is to be refunded of: the one that this task refunded already, or
    else the only one with enough left. Of several a person has to have approved; then it is the latest.

    Raises:
        Permanent: there is none, it is somebody else's, too little is left, or a person has to look.
    """
    payments = [await _with_refunds(payment, ctx) for payment in await _own(params, ctx)]
    for payment in payments:
        if payment.refund_of(ctx.effect_key):
            return payment
    enough = [payment for payment in payments if payment.left >= params.amount_minor]
    if not enough:
        most = max(payment.left for payment in payments)
        code = "amount_too_large" if most > 0 else "charge_already_refunded"
        raise Permanent(
            f"only {written(max(most, 0), params.currency)} can still be refunded of one payment", code=code
        )
    if len(enough) > 1 and not (ctx.approved or ctx.dry_run):
        raise Permanent(f"{len(enough)} payments could be refunded; a person has to look", code="several_payments")
    return enough[0]


async def refunds(
    ctx: TaskContext, *, until: Callable[[dict[str, Any]], bool] = lambda _: False, **filters: str
) -> tuple[list[dict[str, Any]], bool]:
    """Return refunds, newest first, up to the first one that `until` is true of, and whether there are no more."""
    found: list[dict[str, Any]] = []
    page = {"limit": PAGE, **filters}
    for _ in range(MAX_PAGES):
        reply = await ctx.http.call("GET", "/v1/refunds", params=page, headers=VERSION)
        for refund in reply.data["data"]:
            found.append(refund)
            if until(refund):
                return found, False
        if not reply.data["has_more"]:
            return found, True
        page["starting_after"] = found[-1]["id"]
    return found, False


async def _with_refunds(payment: dict[str, Any], ctx: TaskContext) -> Payment:
    found, complete = await refunds(ctx, payment_intent=payment["id"])
    if not complete:
        raise Permanent("the payment has too many refunds to be read; a person has to look", code="too_many_refunds")
    return Payment(payment["id"], payment["currency"].upper(), payment["amount_received"], tuple(found))


async def _own(params: Parameters, ctx: TaskContext) -> list[dict[str, Any]]:
    """Return the requester's payments of the order, latest first.

    Stripe refunds in the payment's own currency, so that has to be the one asked for.
    """
    paid = [
        payment
        for payment in await _search(params.order_id.lstrip("#"), ctx)
        if payment["status"] == "succeeded" and payment["currency"] == params.currency.lower()
    ]
    if not paid:
        raise Permanent(f"the order has no payment in {params.currency}", code="no_payment")
    mine = [p for p in paid if not p.get("receipt_email") or ctx.is_requester(p["receipt_email"])]
    if not mine:
        raise Permanent("the order was paid by somebody else", code="not_owner")
    named = [payment for payment in mine if payment.get("receipt_email")]
    if not (named or ctx.approved or ctx.dry_run):
        raise Permanent("Stripe does not say who paid the order; a person has to look", code="payer_unknown")
    return sorted(named or mine, key=lambda payment: payment.get("created", 0), reverse=True)


async def _search(order_id: str, ctx: TaskContext) -> list[dict[str, Any]]:
    """Return every payment of the order, of all pages."""
    found: list[dict[str, Any]] = []
    page = {"query": f'metadata["order_id"]:"{order_id}"', "limit": PAGE}
    for _ in range(MAX_PAGES):
        reply = await ctx.http.call("GET", "/v1/payment_intents/search", params=page, headers=VERSION)
        if not isinstance(reply.get("data"), list):
            raise NotApplied("Stripe's answer is no search result", code="reply_unreadable")
        found += reply.data["data"]
        if not (reply.get("has_more") and reply.get("next_page")):
            return found
        page["page"] = reply.data["next_page"]
    raise Permanent("the order has too many payments to be read; a person has to look", code="too_many_payments")
