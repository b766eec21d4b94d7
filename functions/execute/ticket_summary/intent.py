"""Post a short summary of the ticket to a Slack channel. Slack takes no idempotency key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intents import NONE, Intent, Limits, ParametersModel, Policy, Provider


class Parameters(ParametersModel):
    """What to post."""

    summary: Annotated[str, Field(min_length=1, max_length=500, description="One or two plain sentences, no links")]


INTENT = Intent(
    name="ticket_summary",
    description="Somebody of the team asks for a summary of a ticket or thread to be posted for the others.",
    examples=(
        "Summarize this ticket for the team channel please",
        "can you post a short summary of this thread to slack",
        "tl;dr of this incident for the on-call channel",
    ),
    parameters=Parameters,
    idempotency=NONE,
    policy=Policy(audit_share=0.05),
    provider=Provider("slack", url="https://slack.com", options={"channel": "#ops-summaries"}),
    limits=Limits(max_concurrency=1, timeout_s=20, max_attempts=5),
)
