"""Change the shipping address of an order in the shop. The shop takes no idempotency key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intent.declaration import NONE, Intent, Limits, ParametersModel, Policy, Provider, days
from shared.intent.provenance import FromPayload


class Parameters(ParametersModel):
    """Which order, and where to."""

    order_id: Annotated[
        str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number as written"), FromPayload()
    ]
    new_address: Annotated[
        str,
        Field(min_length=8, max_length=300, description="The whole new shipping address, as written"),
        FromPayload(),
    ]


INTENT = Intent(
    name="change_address",
    description="The customer wants an order shipped to another street address. Not: e-mail, phone or profile edits.",
    effect="Send order {order_id} to {new_address}",
    examples=(
        "Please ship order #20017 to 12 Baker Street, London NW1 6XE instead",
        "I moved, change the delivery address of order 31001 to 5 Elm Road, Springfield 62701",
        "wrong address on order 44120, send it to 9 Hill Lane, Bristol BS8 1AA",
        "I need to update my shipping address",
        "I have moved to a new home, how do I change my address?",
        "The street address on my order is not right, can you correct it?",
        "my new address is 77 Garden Avenue, Portland 97201, please use it for order 51177",
        "Could you deliver order A-3312 to my office, 40 Market Square, Leeds LS1 4AP?",
        "please change the mailing address for my account",
        "We are relocating. Update the address you have on file for us",
        "I typed the wrong house number, order 70230 should go to 18 Mill Street, Dublin 4",
        "hi there, I have to change my address with you",
        "can I redirect order #81905 to another address before it leaves?",
        "The billing and shipping address of my business have changed",
        "update my home address",
        "Send my parcel to my sister instead: 3 Oak Court, Austin 78701 (order 66518)",
        "old address on file, I live somewhere else now",
        "address change for order B-9042: Lindenweg 8, 50667 Köln",
    ),
    near_misses=(
        "how do I change my PIN",
        "I want to change my security question",
        "I need to update my phone number",
        "change the e-mail address on my account",
        "my email address has changed, please update it",
        "please correct the name on my profile",
        "edit my personal details",
        "stop the automatic billing of my plan",
        "I want to change my insurance plan",
        "how much does shipping cost",
        "can you change the size of the item",
        "I need access to the shared drive",
        "I have a question about my invoice",
        "change my billing frequency to monthly",
        "change the delivery date",
        "please add a phone line",
        "I am getting married and my name changes",
        "change my delivery to next week",
        "I want to change the name on my account",
        "please update my payment details",
        "the email address you have for my company is out of date",
        "change my username",
    ),
    parameters=Parameters,
    needs=("/requester/email",),
    idempotency=NONE,
    policy=Policy(risk="goods", subject="/requester/email", per_day=5, once_per=("order_id",), within=days(7)),
    provider=Provider("shop", url="https://shop.example.com"),
    reads_first=True,
    limits=Limits(max_concurrency=10, timeout_s=30, max_attempts=5),
)
