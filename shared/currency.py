"""The currencies that amounts may be in, and how an amount is written for people."""

from __future__ import annotations

import re
from typing import Literal, get_args

# ISO 4217 codes that are no English words, where Stripe's minor unit is that of the standard (not so: ISK, UGX, MGA).
_WithoutDecimals = Literal["CLP", "JPY", "KRW", "PYG", "VND", "XAF", "XOF"]
_WithTwoDecimals = Literal[
    "USD",
    "EUR",
    "GBP",
    "AUD",
    "BRL",
    "CAD",
    "CHF",
    "CZK",
    "DKK",
    "HKD",
    "INR",
    "MXN",
    "MYR",
    "NOK",
    "NZD",
    "PLN",
    "SAR",
    "SEK",
    "SGD",
    "THB",
    "ZAR",
]
_WithThreeDecimals = Literal["BHD", "JOD", "KWD", "OMR", "TND"]
Currency = Literal[_WithTwoDecimals, _WithoutDecimals, _WithThreeDecimals]
DECIMALS: dict[str, int] = {
    **dict.fromkeys(get_args(_WithoutDecimals), 0),
    **dict.fromkeys(get_args(_WithTwoDecimals), 2),
    **dict.fromkeys(get_args(_WithThreeDecimals), 3),
}


def minor_units(text: str) -> tuple[str, int] | None:
    """Return the currency and the minor units of an amount as a setting states it: `50.00 USD`, `5800 JPY`, `50 EUR`.

    None where it is written otherwise, with other decimals than the currency has, or in a currency that is unknown.
    """
    match = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,3}))? ([A-Z]{3})", text)
    if match is None or match[3] not in DECIMALS or len(match[2] or "") not in (0, DECIMALS[match[3]]):
        return None
    return match[3], int(match[1] + (match[2] or "0" * DECIMALS[match[3]]))


def written(minor: int, currency: str) -> str:
    """Return an amount for people: `1,250.00 USD`, `5,800 JPY`; of an unknown currency the minor units, unscaled."""
    decimals = DECIMALS.get(currency)
    if decimals is None:
        return f"{minor:,} minor units {currency}".rstrip()
    whole, rest = divmod(abs(minor), 10**decimals)
    return f"{'-' * (minor < 0)}{whole:,}{f'.{rest:0{decimals}}' if decimals else ''} {currency}"


def natural(minor: int, currency: str) -> str | None:
    """Return an amount as a field takes it, `1250.00`, which `minor_units` reads with its currency; None: unknown."""
    if currency not in DECIMALS or minor < 0:
        return None
    return written(minor, currency).partition(" ")[0].replace(",", "")


def example(currency: str) -> str:
    """Return an amount of a currency as a field takes it, for whoever wrote another one."""
    return natural(25 * 10 ** DECIMALS.get(currency, 2), currency) or "25.00"
