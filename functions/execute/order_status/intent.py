"""Look up an order in the shop and say where it is. Read only."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intent.declaration import NATURAL, Intent, Limits, ParametersModel, Provider
from shared.intent.provenance import FromPayload


class Parameters(ParametersModel):
    """Which order."""

    order_id: Annotated[
        str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()
    ]


INTENT = Intent(
    name="order_status",
    description="The customer asks where an order is, whether it has shipped, or to track it.",
    effect="Look up where order {order_id} is",
    examples=(
        "Where is my order #47384?",
        "Has order 55120 shipped yet?",
        "can you track package for order 10077",
        "When can I expect my order to arrive?",
        "what is the status of my order",
        "I'd like to know the delivery date of order A-7731",
        "My parcel was supposed to be here on Monday. Where is it?",
        "tracking info for my parcel please",
        "do you have a tracking number for order 20311?",
        "order status please",
        "is my delivery still on its way?",
        "Has my purchase been delivered?",
        "Could you check how far along my order is?",
        "tracking says nothing, did order #90114 leave the warehouse?",
        "when is my package going to get here",
        "I ordered a lamp two weeks ago and have not heard anything, what is happening with order 60881?",
        "let me know whether my shipment went out today",
        "give me an update on my online order",
        "did my order go through and when does it ship",
    ),
    near_misses=(
        "the shop says that my card is declined",
        "why was my payment rejected",
        "the payment did not go through",
        "there is a charge on my statement that I did not make",
        "what is this extra fee on my bill",
        "I want to terminate my contract",
        "when will my new card arrive in the mail",
        "how do I track the card you sent me",
        "my replacement card has not come yet",
        "when does my card expire",
        "send me a bank statement",
        "when is my bill due",
        "how long does a transfer take",
        "is there a limit on how much I can spend",
        "what is my credit limit",
        "what is the status of my application",
        "where is the nearest cash machine",
        "what are your opening hours",
        "where do I find my tax form",
        "the app crashes when I open it",
        "your website is very slow today",
        "what delivery options are there",
        "when is the next team meeting",
        "when can I order again, and what",
        "how long does an order usually take to arrive in general",
        "when is the item back in stock",
        "has my application been approved yet",
        "where is your nearest shop",
    ),
    parameters=Parameters,
    needs=("/requester/email",),
    idempotency=NATURAL,
    provider=Provider("shop", url="https://shop.example.com"),
    limits=Limits(max_concurrency=20, timeout_s=20, max_attempts=5),
)
