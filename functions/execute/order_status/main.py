"""Tell the requester where their order is. Read only."""

from __future__ import annotations

from functions.execute.order_status.intent import Parameters
from shared.event.mailbox import same_address
from shared.intent.handler import TaskContext
from shared.intent.outcomes import Permanent


async def handle(params: Parameters, ctx: TaskContext) -> str:
    """Return the order's status; only to the customer who placed it."""
    requester = ctx.requester.get("email")
    if not requester:
        raise Permanent("the event has no authenticated e-mail address", code="no_requester")
    order_id = params.order_id.lstrip("#")
    order = await ctx.http.call("GET", "/orders/{order_id}", fill={"order_id": order_id})
    if not same_address(order.get("customer_email"), requester):
        raise Permanent("the order belongs to somebody else", code="not_owner")
    return f"Order {order_id} is {order.get('status')}, expected {order.get('eta')}"


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say what would be looked up."""
    return f"Look up order {params.order_id.lstrip('#')} in the shop"
