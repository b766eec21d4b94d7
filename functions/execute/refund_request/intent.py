"""Refund money through Stripe. A person approves unless `AUTOMATIC` sets an allowance."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from shared.intents import Intent, Limits, ParametersModel, Policy, Provider, by_key
from shared.provenance import FromPayload, MoneyFromPayload


class Parameters(ParametersModel):
    """What a refund needs."""

    order_id: Annotated[str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()]
    amount_minor: Annotated[
        int, Field(gt=0, le=10_000_000, description="Amount in minor units (cents)"), MoneyFromPayload("currency")
    ]
    currency: Annotated[Literal["USD", "EUR", "GBP"], Field(description="ISO 4217 code")]


INTENT = Intent(
    name="refund_request",
    description="The customer asks for money back for an order. Not: where an already promised refund is.",
    examples=(
        "I want a refund of $25.00 for order #10021, it arrived broken",
        "Please refund order 88231, 49.90 EUR, I never received it",
        "I'd like my money back for order A-1009",
    ),
    parameters=Parameters,
    # Stripe keeps idempotency keys for at least 24 hours.
    idempotency=by_key(safe_age=timedelta(hours=23)),
    policy=Policy(risk="money", amount="amount_minor", subject="/requester/email", per_day=3),
    provider=Provider("stripe", url="https://api.stripe.com"),
    limits=Limits(max_concurrency=10, timeout_s=30, max_attempts=5),
)
