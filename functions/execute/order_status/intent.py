"""Look up an order in the shop and say where it is. Read only."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intents import NATURAL, Intent, Limits, ParametersModel, Provider
from shared.provenance import FromPayload


class Parameters(ParametersModel):
    """Which order."""

    order_id: Annotated[str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()]


INTENT = Intent(
    name="order_status",
    description="The customer asks where an order is, whether it has shipped, or to track it.",
    examples=(
        "Where is my order #47384?",
        "Has order 55120 shipped yet?",
        "can you track package for order 10077",
    ),
    parameters=Parameters,
    idempotency=NATURAL,
    provider=Provider("shop", url="https://shop.example.com"),
    limits=Limits(max_concurrency=20, timeout_s=20, max_attempts=5),
)
