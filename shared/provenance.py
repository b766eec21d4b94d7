"""Markers on intent parameters that say where a value must come from, and the check that it does. Pure.

    order_id: Annotated[str, Field(pattern=...), FromPayload()]
    email: Annotated[str, FromField("/requester/email")]
    amount_minor: Annotated[int, Field(gt=0), MoneyFromPayload(currency="currency")]
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FromPayload:
    """The value equals a whole token of the payload's text (NFC, word and digit boundaries)."""


@dataclass(frozen=True, slots=True)
class FromField:
    """The value equals this authenticated structured field, whatever the free text says."""

    pointer: str


@dataclass(frozen=True, slots=True)
class MoneyFromPayload:
    """The integer, in minor units, is an amount that the payload's text states without ambiguity.

    `currency` names the sibling parameter that holds the ISO 4217 code.
    """

    currency: str


Marker = FromPayload | FromField | MoneyFromPayload
