"""Cancel an order in the shop, if it is the requester's own and has not shipped; once per effect key."""

from __future__ import annotations

from typing import Literal

from functions.execute.cancel_order.intent import Parameters
from shared.intent.handler import TaskContext
from shared.intent.http import Reply
from shared.intent.outcomes import Pending, Permanent


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
    reply = await ctx.http.call("POST", "/orders/{order_id}/cancel", fill={"order_id": order_id}, key=ctx.effect_key)
    if reply.get("status") != "cancelled":
        raise Pending("the shop took the cancellation and has not cancelled the order yet", code="cancel_pending")
    return f"Cancelled order {order_id}"


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say what would be cancelled, and how far it has come."""
    order_id = params.order_id.lstrip("#")
    order = await _own_order(order_id, ctx)
    return f"Cancel order {order_id}, which is {order.get('status')}"


async def reconcile(effect_key: str, ctx: TaskContext) -> Literal["applied", "not_applied", "pending", "unknown"]:
    """Ask the shop for a cancellation made with the effect key, and how far that has come."""
    reply = await ctx.http.call("GET", "/cancellations", params={"idempotency_key": effect_key})
    found = reply.get("data")
    if not isinstance(found, list):
        return "unknown"
    if not found:
        return "not_applied"
    match found[0].get("status"):
        case "cancelled":
            return "applied"
        case "refused":
            return "not_applied"
    return "pending"


async def _own_order(order_id: str, ctx: TaskContext) -> Reply:
    if not ctx.requester.get("email"):
        raise Permanent("the event has no authenticated e-mail address", code="no_requester")
    order = await ctx.http.call("GET", "/orders/{order_id}", fill={"order_id": order_id})
    if not ctx.is_requester(order.get("customer_email")):
        raise Permanent("the order belongs to somebody else", code="not_owner")
    return order
