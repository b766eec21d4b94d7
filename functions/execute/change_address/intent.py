"""Change the shipping address of an order in the shop. The shop takes no idempotency key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intents import NONE, Intent, Limits, ParametersModel, Policy, Provider
from shared.provenance import FromPayload


class Parameters(ParametersModel):
    """Which order, and where to."""

    order_id: Annotated[str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()]
    new_address: Annotated[
        str, Field(min_length=8, max_length=300, description="The whole new shipping address, as written"), FromPayload()
    ]


INTENT = Intent(
    name="change_address",
    description="The customer wants an order shipped to another street address. Not: e-mail, phone or profile edits.",
    examples=(
        "Please ship order #20017 to 12 Baker Street, London NW1 6XE instead",
        "I moved, change the delivery address of order 31001 to 5 Elm Road, Springfield 62701",
        "wrong address on order 44120, send it to 9 Hill Lane, Bristol BS8 1AA",
    ),
    parameters=Parameters,
    idempotency=NONE,
    policy=Policy(subject="/requester/email", per_day=5),
    provider=Provider("shop", url="https://shop.example.com"),
    reads_first=True,
    limits=Limits(max_concurrency=10, timeout_s=30, max_attempts=5),
)
