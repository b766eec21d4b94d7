"""Have Auth0 send its change-password mail to the requester."""

from __future__ import annotations

from functions.execute.password_reset.intent import Parameters
from shared.intent.handler import TaskContext


async def handle(params: Parameters, ctx: TaskContext) -> str:
    """Send the mail, or say to whom it would go."""
    if ctx.dry_run:
        return f"would send {_what(params)}"
    await ctx.http.call(
        "POST",
        "/dbconnections/change_password",
        json={"client_id": ctx.options["client_id"], "email": params.email, "connection": ctx.options["connection"]},
    )
    return f"Sent {_what(params)}"


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say to whom the mail would go."""
    return f"Send {_what(params)}"


def _what(params: Parameters) -> str:
    return f"Auth0's change-password mail to {params.email}"
