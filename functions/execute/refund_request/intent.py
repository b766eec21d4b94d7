"""Refund money through Stripe. A person approves unless `AUTOMATIC` sets an allowance."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from shared.currency import Currency
from shared.intent.declaration import Intent, Limits, ParametersModel, Policy, Provider, by_key
from shared.intent.provenance import FromPayload, MoneyFromPayload


class Parameters(ParametersModel):
    """What a refund needs."""

    order_id: Annotated[
        str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()
    ]
    amount_minor: Annotated[
        int,
        Field(gt=0, le=10_000_000, description="In minor units: 25.00 USD is 2500, 5800 JPY 5800, 1.500 KWD 1500"),
        MoneyFromPayload("currency"),
    ]
    currency: Annotated[Currency, Field(description="ISO 4217 code")]


INTENT = Intent(
    name="refund_request",
    description="The customer asks for money back for an order. Not: where an already promised refund is.",
    effect="Refund {amount_minor} of order {order_id}",
    examples=(
        "I want a refund of $25.00 for order #10021, it arrived broken",
        "I'd like my money back for order A-1009",
        "Please refund order 88231, 49.90 EUR, I never received it",
        "How do I get a refund for something I bought last week?",
        "The jacket does not fit. I am returning it and want the £39.50 back, order 77120",
        "Can you reverse my purchase? I changed my mind and want to be reimbursed",
        "refund please, the item is defective",
        "This product is nothing like the picture, give me my money back",
        "I sent the shoes back yesterday, please refund 120.00 USD for order #55102",
        "my package never showed up and I paid for it, I want a full refund",
        "Is it possible to get a refund on an item I am not happy with?",
        "I would like to return this and be refunded",
        "Requesting reimbursement of €18,75 for order B-20417: wrong colour delivered",
        "you sent the wrong size, I demand a refund",
        "The seller does not answer. Can you help me get a refund for my purchase?",
        "we only received half of order 61034, please give us $310.00 back",
        "I no longer want what I bought, can it be refunded?",
        "Hello, the headphones stopped working after two days and I would like a refund",
        "do you give refunds if I am not satisfied?",
        "I need this purchase refunded as soon as possible",
    ),
    near_misses=(
        "my refund has not arrived yet, where is it",
        "you promised a refund two weeks ago and I still do not see it on my statement",
        "how long does a refund take until it shows up in my account",
        "the refund is missing from my account",
        "I am still waiting for my refund",
        "I was told the refund was sent but nothing has come",
        "my refund is pending, when do I receive it",
        "I cannot find my refund",
        "how do I get back money that was taken for a payment I did not make",
        "why has my refund not been processed",
        "what is your return policy",
        "I want to dispute a transaction",
        "show me my recent transactions",
        "list everything I bought last month",
        "I want to pay my bill",
        "how do I transfer money to a friend",
        "the transfer has not arrived",
        "the cash machine did not give me the right amount",
        "I want a quote for car insurance",
        "I would like to talk to your manager",
        "has the money for my return been sent already",
        "my refund was approved days ago and has not come through",
        "the seller says that the refund is on its way, can you see it on your side",
        "I asked for a refund last month, what is the status of it",
    ),
    parameters=Parameters,
    needs=("/requester/email",),
    # Stripe keeps idempotency keys for at least 24 hours.
    idempotency=by_key(safe_age=timedelta(hours=23)),
    policy=Policy(
        risk="money",
        amount="amount_minor",
        currency="USD",
        subject="/requester/email",
        per_day=3,
        once_per=("order_id",),
        excludes=("cancel_order",),
    ),
    provider=Provider("stripe", url="https://api.stripe.com"),
    look_at="https://dashboard.stripe.com/search?query={order_id}",
    # The order's payment, and whose it is, is looked up before any money moves.
    reads_first=True,
    limits=Limits(max_concurrency=10, timeout_s=30, max_attempts=5),
)
