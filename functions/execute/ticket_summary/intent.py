"""Post a short summary of the ticket to a Slack channel. Slack takes no idempotency key."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.intent.declaration import NONE, Intent, Limits, ParametersModel, Policy, Provider

# What Slack would make a link of: a colleague trusts what stands in the team's own channel.
_LINK = re.compile(
    r"[a-z][a-z0-9+.-]*://|\b(?:javascript|data|mailto|tel):|\bwww\.|\b[\w-]+\.[a-z]{2,}/", re.IGNORECASE
)


def _without_links(text: str) -> str:
    if _LINK.search(text):
        raise PydanticCustomError("link_in_text", "must hold no link")
    return text


class Parameters(ParametersModel):
    """What to post."""

    summary: Annotated[
        str,
        Field(min_length=1, max_length=500, description="One or two plain sentences, no links"),
        AfterValidator(_without_links),
    ]


INTENT = Intent(
    name="ticket_summary",
    description="Somebody of the team asks for a summary of a ticket or thread to be posted for the others.",
    examples=(
        "Summarize this ticket for the team channel please",
        "can you post a short summary of this thread to slack",
        "tl;dr of this incident for the on-call channel",
        "Please give the others a recap of what the customer reported",
        "post a summary: the export job fails since Tuesday and three customers are waiting",
        "Write up the key points of this conversation for the team",
        "Short digest of this case for the hand-over, please",
        "summarise the discussion above for support",
        "share a brief overview of this escalation in the channel",
        "we need a two-line summary of this ticket before the stand-up",
        "recap this thread for the people who were away",
        "Could someone sum up this issue and post it for engineering?",
        "Summary for the ops channel: login outage resolved, root cause was an expired certificate",
        "condense this long ticket into a few sentences for the night shift",
        "post the tldr of this bug report to slack",
    ),
    parameters=Parameters,
    idempotency=NONE,
    policy=Policy(audit_share=0.05),
    provider=Provider("slack", url="https://slack.com", options={"channel": "#ops-summaries"}),
    limits=Limits(max_concurrency=1, timeout_s=20, max_attempts=5),
)
