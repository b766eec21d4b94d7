"""Refund an order through Stripe: find the payment that can bear it, refund part or all of it, once per effect key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from functions.execute.refund_request.intent import Parameters
from functions.execute.refund_request.payments import NOT_REFUNDED, VERSION, Payment, is_of, refundable, refunds
from shared.currency import written
from shared.intent.handler import TaskContext, TaskOutput
from shared.intent.outcomes import Ambiguous, Pending, Permanent

TOLD_REFUNDS = 5


async def handle(params: Parameters, ctx: TaskContext) -> str | TaskOutput:
    """Refund the amount, or say what would be refunded."""
    payment = await refundable(params, ctx)
    if ctx.dry_run:
        return f"would refund {_what(params)}"
    return _told(params, payment.refund_of(ctx.effect_key) or await _refund(params, payment, ctx))


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say what would be refunded, once the payment is found, and what was refunded before."""
    payment = await refundable(params, ctx)
    return f"Refund {_what(params)}{_before(payment)}"


async def reconcile(effect_key: str, ctx: TaskContext) -> Literal["applied", "not_applied", "pending", "unknown"]:
    """Look for the refund that carries the effect key, newest first; unknown beyond the last thousand."""
    found, complete = await refunds(ctx, until=lambda refund: is_of(refund, effect_key))
    if not (found and is_of(found[-1], effect_key)):
        return "not_applied" if complete else "unknown"
    status = found[-1].get("status")
    if status == "succeeded":
        return "applied"
    return "not_applied" if status in NOT_REFUNDED else "pending"


async def _refund(params: Parameters, payment: Payment, ctx: TaskContext) -> dict[str, Any]:
    """Create the refund and return it, whatever its status."""
    reply = await ctx.http.call(
        "POST",
        "/v1/refunds",
        form={
            "payment_intent": payment.id,
            "amount": str(params.amount_minor),
            "metadata[task_id]": ctx.task_id,
            "metadata[effect_key]": ctx.effect_key,
        },
        headers=VERSION,
        key=ctx.effect_key,
        expect=(200, 400, 402),
    )
    if reply.status != 200:
        error = reply.get("error") or {}
        if error.get("type") == "idempotency_error":  # the key was used for another refund, which may have happened
            raise Ambiguous("Stripe knows this key from another request", code="key_reused")
        raise Permanent("Stripe refuses this refund", code=error.get("code") or f"provider_{reply.status}")
    if not reply.get("id"):
        raise Ambiguous("Stripe's answer is no refund", code="reply_unreadable")
    return dict(reply.data)


def _told(params: Parameters, refund: dict[str, Any]) -> TaskOutput:
    """Return what a refund that exists means: only its status tells, not that Stripe took it."""
    status, ref = refund.get("status"), refund["id"]
    if refund.get("amount") != params.amount_minor:
        raise Ambiguous(f"refund {ref} of this task has another amount", code="key_reused")
    if status == "succeeded":
        return TaskOutput(f"Refunded {_what(params)}", provider_ref=ref)
    if status in NOT_REFUNDED:
        why = refund.get("failure_reason") or status
        raise Permanent(f"Stripe could not refund it: {why} ({ref})", code=f"refund_{status}")
    raise Pending(f"Stripe has not finished refund {ref}, which is {status}", code=f"refund_{status}")


def _what(params: Parameters) -> str:
    return f"{written(params.amount_minor, params.currency)} of order {params.order_id.lstrip('#')} through Stripe"


def _before(payment: Payment) -> str:
    """Return what was refunded before, newest first: `; 15.00 USD were refunded on 2026-11-03`."""
    counted = [refund for refund in payment.refunds if refund.get("status") not in NOT_REFUNDED]
    told = [
        f"{written(refund['amount'], payment.currency)} were refunded on "
        f"{datetime.fromtimestamp(refund['created'], UTC):%Y-%m-%d}"
        + ("" if refund.get("status") == "succeeded" else f" ({refund.get('status')})")
        for refund in counted[:TOLD_REFUNDS]
    ]
    if more := len(counted) - len(told):
        told.append(f"{more} more before")
    return "".join(f"; {said}" for said in told)
