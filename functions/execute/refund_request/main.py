"""Refund an order through Stripe: find the payment the customer made, refund part or all of it, once per effect key."""

from __future__ import annotations

from typing import Any, Literal

from functions.execute.refund_request.intent import Parameters
from shared.event.mailbox import same_address
from shared.intent.handler import TaskContext, TaskOutput
from shared.intent.outcomes import Ambiguous, Permanent

MAX_PAGES = 10


async def handle(params: Parameters, ctx: TaskContext) -> str | TaskOutput:
    """Refund the amount, or say what would be refunded."""
    payment = await _payment(params, ctx)
    if ctx.dry_run:
        return f"would refund {_what(params)}"
    reply = await ctx.http.call(
        "POST",
        "/v1/refunds",
        form={
            "payment_intent": payment["id"],
            "amount": str(params.amount_minor),
            "metadata[task_id]": ctx.task_id,
            "metadata[effect_key]": ctx.effect_key,
        },
        key=ctx.effect_key,
        expect=(200, 400),
    )
    if reply.status == 400:
        error = reply.get("error") or {}
        if error.get("type") == "idempotency_error":  # the key was used for another refund, which may have happened
            raise Ambiguous("Stripe knows this key from another request", code="key_reused")
        raise Permanent("Stripe refuses this refund", code=error.get("code") or "provider_400")
    return TaskOutput(f"Refunded {_what(params)}", provider_ref=reply.data["id"])


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say what would be refunded, once the payment is found."""
    await _payment(params, ctx)
    return f"Refund {_what(params)}"


async def reconcile(effect_key: str, ctx: TaskContext) -> Literal["applied", "not_applied", "unknown"]:
    """Look for the refund that carries the effect key, newest first; unknown beyond the last thousand."""
    page = {"limit": "100"}
    for _ in range(MAX_PAGES):
        reply = await ctx.http.call("GET", "/v1/refunds", params=page)
        for refund in reply.data["data"]:
            if refund["metadata"].get("effect_key") == effect_key:
                return "not_applied" if refund["status"] in ("failed", "canceled") else "applied"
        if not reply.data["has_more"]:
            return "not_applied"
        page["starting_after"] = reply.data["data"][-1]["id"]
    return "unknown"


async def _payment(params: Parameters, ctx: TaskContext) -> dict[str, Any]:
    """Return the order's payment. Stripe refunds in the payment's own currency, so that has to be the one asked for."""
    query = f'metadata["order_id"]:"{params.order_id.lstrip("#")}"'
    reply = await ctx.http.call("GET", "/v1/payment_intents/search", params={"query": query})
    for payment in reply.get("data") or ():
        if payment["status"] == "succeeded" and payment["currency"] == params.currency.lower():
            payer, requester = payment.get("receipt_email"), ctx.requester.get("email", "")
            if payer and not same_address(payer, requester):
                raise Permanent("the order was paid by somebody else", code="not_owner")
            if not (payer or ctx.approved or ctx.dry_run):
                raise Permanent("Stripe does not say who paid the order; a person has to look", code="payer_unknown")
            return dict(payment)
    raise Permanent(f"the order has no payment in {params.currency}", code="no_payment")


def _what(params: Parameters) -> str:
    amount = f"{params.amount_minor // 100}.{params.amount_minor % 100:02}"
    return f"{amount} {params.currency} of order {params.order_id.lstrip('#')} through Stripe"
