"""The intents that ship, and a ticket for each: figures were measured with them; a team adds its own beside."""

from __future__ import annotations

from shared.intent.registry import Registry, discover

SHIPPED = (
    "cancel_order",
    "change_address",
    "order_status",
    "password_reset",
    "refund_request",
    "ticket_summary",
)

# A ticket that asks for each, with all that it needs.
REQUESTS = {
    "refund_request": "I want a refund of $25.00 for order #10021, it arrived broken.",
    "password_reset": "I forgot my password.",
    "cancel_order": "Please cancel order #10044.",
    "change_address": "Please ship order #31177 to 12 Baker Street, London NW1 6XE instead.",
    "order_status": "Where is my order #20017?",
    "ticket_summary": "Please summarize: the printer is on fire since Tuesday.",
}


def shipped() -> Registry:
    """Return the closed list as it ships."""
    found = discover()
    return Registry({name: found[name] for name in SHIPPED})
