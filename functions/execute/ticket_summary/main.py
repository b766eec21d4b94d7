"""Post the summary of a ticket to the configured Slack channel."""

from __future__ import annotations

from html import escape

from functions.execute.ticket_summary.intent import Parameters
from shared.event.masking import mask
from shared.intent.handler import TaskContext, TaskOutput
from shared.intent.outcomes import Ambiguous, LockedOut, NotApplied, Permanent

# Slack says of these that part of the work may have been done.
UNSURE = frozenset({"fatal_error", "internal_error", "service_unavailable"})
# Slack answers a revoked or wrong token with 200.
LOCKED_OUT = frozenset(
    {"account_inactive", "invalid_auth", "missing_scope", "not_authed", "token_expired", "token_revoked"}
)


async def handle(params: Parameters, ctx: TaskContext) -> str | TaskOutput:
    """Post the summary, or say what would be posted."""
    channel, summary = ctx.options["channel"], mask(params.summary)
    if ctx.dry_run:
        return f"would post to {channel}: {summary}"
    # Escaped as Slack asks, so that the text can neither mention @channel nor dress up a link.
    message = {"channel": channel, "text": escape(summary, quote=False), "unfurl_links": False}
    reply = await ctx.http.call("POST", "/api/chat.postMessage", json=message)
    if reply.get("ok") is True:
        return TaskOutput(f"Posted to {channel}", provider_ref=reply.get("ts"))
    error = reply.get("error")  # Slack refuses with 200
    if error in ("ratelimited", "rate_limited"):
        raise NotApplied("Slack is over its rate limit", code="slack_ratelimited")
    if error in LOCKED_OUT:
        raise LockedOut("Slack does not take our token", code=f"slack_{error}")
    if error is None or error in UNSURE:
        raise Ambiguous("Slack may have posted the message", code="slack_unsure")
    raise Permanent("Slack refuses the message", code=f"slack_{error}")


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Say what would be posted, and where."""
    return f"Post to {ctx.options['channel']}: {mask(params.summary)}"
