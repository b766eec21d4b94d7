"""Post a short summary of the ticket to a Slack channel. Slack takes no idempotency key."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.intent.declaration import NONE, Intent, Limits, ParametersModel, Policy, Provider
from shared.intent.provenance import NumbersFromPayload

# What Slack, or a reader, would make a link of: a colleague trusts what stands in the team's own channel. Any dotted
# name may be a host, whatever follows it; `e.g.`, `3.5` and `v2.1` are none.
_LINK = re.compile(r"//|\b(?:javascript|data|mailto|tel):|\w\.(?=\w{2,})\w*[^\W\d_]|\d\.\d+\.\d|\bxn--", re.IGNORECASE)
# To browsers it is a dot; in Chinese and Japanese it ends a sentence.
_IDEOGRAPHIC_DOT = re.compile(r"(?<=[A-Za-z0-9])\u3002(?=[A-Za-z0-9])")


def _without_links(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    if _LINK.search(_IDEOGRAPHIC_DOT.sub(".", plain)):
        raise PydanticCustomError("link_in_text", "must hold no link")
    return text


class Parameters(ParametersModel):
    """What to post."""

    summary: Annotated[
        str,
        Field(min_length=1, max_length=500, description="One or two plain sentences, no links"),
        AfterValidator(_without_links),
        NumbersFromPayload(),
    ]


INTENT = Intent(
    name="ticket_summary",
    description="Somebody of the team asks for a summary of a ticket or thread to be posted for the others.",
    effect="Post to the team: {summary}",
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
    near_misses=(
        "I was charged twice for the same thing",
        "I do not recognise this withdrawal, somebody used my card",
        "how do I report fraud",
        "do you have this in blue",
        "our server is down",
        "please invite a colleague to the project",
        "please send me a copy of the invoice",
        "I want to open a new ticket",
        "please answer my ticket",
        "add me to the channel",
        "what does this error mean",
    ),
    parameters=Parameters,
    idempotency=NONE,
    policy=Policy(subject="/requester", per_day=20, audit_share=0.05),
    provider=Provider("slack", url="https://slack.com", options={"channel": "#ops-summaries"}),
    limits=Limits(max_concurrency=1, timeout_s=20, max_attempts=5),
)
