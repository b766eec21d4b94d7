"""Change where an order is shipped, if it is the requester's own and has not shipped. The shop takes no key: once."""

from __future__ import annotations

from functions.execute.change_address.intent import Parameters
from shared.event.mailbox import same_address
from shared.intent.handler import TaskContext
from shared.intent.http import Reply
from shared.intent.outcomes import Permanent


async def handle(params: Parameters, ctx: TaskContext) -> str:
    """Change the address, or say what would be changed."""
    order_id = params.order_id.lstrip("#")
    await _own_order(order_id, ctx)
    if ctx.dry_run:
        return f"would ship order {order_id} to {params.new_address}"
    body = {"address": params.new_address}
    await ctx.http.call("POST", "/orders/{order_id}/address", fill={"order_id": order_id}, json=body)
    return f"Order {order_id} ships to {params.new_address}"


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say where the order would go, and how far it has come."""
    order_id = params.order_id.lstrip("#")
    order = await _own_order(order_id, ctx)
    return f"Ship order {order_id}, which is {order.get('status')}, to {params.new_address}"


async def _own_order(order_id: str, ctx: TaskContext) -> Reply:
    requester = ctx.requester.get("email")
    if not requester:
        raise Permanent("the event has no authenticated e-mail address", code="no_requester")
    order = await ctx.http.call("GET", "/orders/{order_id}", fill={"order_id": order_id})
    if not same_address(order.get("customer_email"), requester):
        raise Permanent("the order belongs to somebody else", code="not_owner")
    if order.get("status") != "processing":
        raise Permanent("the order has shipped or is cancelled", code=f"already_{order.get('status')}")
    return order
