"""Cancel an order in the shop if it belongs to the requester and has not shipped."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from shared.intent.declaration import Intent, Limits, ParametersModel, Policy, Provider, by_key
from shared.intent.provenance import FromPayload


class Parameters(ParametersModel):
    """Which order."""

    order_id: Annotated[
        str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()
    ]


INTENT = Intent(
    name="cancel_order",
    description="The customer wants an order cancelled before it ships. Not: a refund for something delivered.",
    effect="Cancel order {order_id}",
    examples=(
        "Please cancel order #31177",
        "I ordered by mistake, cancel my order 90210",
        "stop order 70015, I do not need it any more",
        "Can I still cancel what I ordered this morning?",
        "I bought the wrong model. Don't ship order A-4410, cancel it",
        "cancel my order",
        "We found it cheaper elsewhere, please call off order 22087 before it ships",
        "I accidentally placed the same order twice, cancel the second one, #58213",
        "please do not send order 41902, I changed my mind",
        "How do I cancel an order that has not shipped yet?",
        "it takes too long, I want to cancel my purchase before it is sent",
        "cancellation of order B-7716",
        "My kid pressed buy. Please undo order 93320",
        "I'd like to withdraw the order I placed yesterday",
        "kindly cancel the whole order, we no longer need these items",
        "is it too late to stop my order from going out?",
    ),
    near_misses=(
        "I want to cancel my subscription",
        "cancel my reservation for tonight",
        "please cancel my flight",
        "cancel the transfer I made yesterday",
        "cancel a check I wrote",
        "I want to order a new card",
        "I need to order more checks",
        "send me proof of insurance",
        "cancel my appointment",
        "cancel my membership, please",
        "stop sending me your newsletter",
    ),
    parameters=Parameters,
    needs=("/requester/email",),
    idempotency=by_key(safe_age=timedelta(hours=23)),
    policy=Policy(
        risk="goods", subject="/requester/email", per_day=5, once_per=("order_id",), excludes=("refund_request",)
    ),
    provider=Provider("shop", url="https://shop.example.com"),
    # Whose order it is and whether it has shipped is looked up before anything is changed.
    reads_first=True,
    limits=Limits(max_concurrency=10, timeout_s=30, max_attempts=5),
)
