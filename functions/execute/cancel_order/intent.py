"""Cancel an order in the shop if it belongs to the requester and has not shipped."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from shared.intents import Intent, Limits, ParametersModel, Policy, Provider, by_key
from shared.provenance import FromPayload


class Parameters(ParametersModel):
    """Which order."""

    order_id: Annotated[str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()]


INTENT = Intent(
    name="cancel_order",
    description="The customer wants an order cancelled before it ships. Not: a refund for something delivered.",
    examples=(
        "Please cancel order #31177",
        "I ordered by mistake, cancel my order 90210",
        "stop order 70015, I do not need it any more",
    ),
    parameters=Parameters,
    idempotency=by_key(safe_age=timedelta(hours=23)),
    policy=Policy(subject="/requester/email", per_day=5),
    provider=Provider("shop", url="https://shop.example.com"),
    # Whose order it is and whether it has shipped is looked up before anything is changed.
    reads_first=True,
    limits=Limits(max_concurrency=10, timeout_s=30, max_attempts=5),
)
