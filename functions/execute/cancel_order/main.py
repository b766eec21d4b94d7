"""Cancel an order in the shop, if it is the requester's own and has not shipped; once per effect key."""

from __future__ import annotations

from typing import Literal

from functions.execute.cancel_order.intent import Parameters
from shared.event.mailbox import same_address
from shared.intent.handler import TaskContext
from shared.intent.http import Reply
from shared.intent.outcomes import Permanent


async def handle(params: Parameters, ctx: TaskContext) -> str:
    """Cancel the order, or say what would be cancelled; an order already cancelled is a success."""
    order_id = params.order_id.lstrip("#")
    order = await _own_order(order_id, ctx)
    if order.get("status") == "cancelled":
        return f"Order {order_id} was already cancelled"
    if order.get("status") in ("shipped", "delivered"):
        raise Permanent("the order has shipped", code="already_shipped")
    if ctx.dry_run:
        return f"would cancel order {order_id}"
    await ctx.http.call("POST", "/orders/{order_id}/cancel", fill={"order_id": order_id}, key=ctx.effect_key)
    return f"Cancelled order {order_id}"


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say what would be cancelled, and how far it has come."""
    order_id = params.order_id.lstrip("#")
    order = await _own_order(order_id, ctx)
    return f"Cancel order {order_id}, which is {order.get('status')}"


async def reconcile(effect_key: str, ctx: TaskContext) -> Literal["applied", "not_applied", "unknown"]:
    """Ask the shop for a cancellation made with the effect key."""
    reply = await ctx.http.call("GET", "/cancellations", params={"idempotency_key": effect_key})
    found = reply.get("data")
    if found is None:
        return "unknown"
    return "applied" if found else "not_applied"


async def _own_order(order_id: str, ctx: TaskContext) -> Reply:
    requester = ctx.requester.get("email")
    if not requester:
        raise Permanent("the event has no authenticated e-mail address", code="no_requester")
    order = await ctx.http.call("GET", "/orders/{order_id}", fill={"order_id": order_id})
    if not same_address(order.get("customer_email"), requester):
        raise Permanent("the order belongs to somebody else", code="not_owner")
    return order
