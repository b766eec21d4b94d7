"""Amounts of money as a text states them, in minor units: `$50`, `50.00 EUR`, `€1.234,50`, `5,800 JPY`. Pure.

Only what has one reading counts. `5,000 USD` and `12.345 KWD` are thousands to some and decimals to others, `1e5`,
`5k`, `-50`, `50-60`, `$50 CAD` and `50 euro cents` are something else altogether: such mentions come out as None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared.currency import DECIMALS

# Letters and digits of any script, and what hides in or sticks to them: combining marks, soft hyphen, zero-width and
# bidi characters. None of them may touch a value, or the eye reads another one than the program.
GLUE = r"\w\u00ad\u0300-\u036f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufeff"

_CURRENCIES = {code.lower(): code for code in DECIMALS} | {
    "$": "USD",
    "us$": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "€": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "£": "GBP",
}
_CODES = "|".join(code for code in DECIMALS if code not in ("USD", "EUR", "GBP"))
_MARK = rf"US\$|[$€£]|(?:USD|EUR|GBP|dollars?|euros?|(?-i:{_CODES}))(?![{GLUE}])"
_NUMBER = r"[0-9](?:[0-9.,'’]{0,20}[0-9])?"
_MENTION = re.compile(
    rf"(?P<before>{_MARK})[ \u00a0]?(?P<sign>[-−–+]?)(?P<first>{_NUMBER})"
    rf"(?:[ \u00a0]?(?P<again>{_MARK}))?"
    rf"|(?<![0-9])(?P<second>{_NUMBER})[ \u00a0]?(?P<after>{_MARK})(?![ \u00a0]?[0-9])",
    re.IGNORECASE,
)
# Money that the sign alone does not tell from ours, and hundredths of it, which `50 euro cents` is.
_OTHER_MONEY = (
    r"(?:CAD|AUD|NZD|HKD|SGD|TWD|MXN|BRL|ARS|CLP|COP|UYU|JMD|TTD|BSD|BBD|BZD|XCD|FJD|NAD|EGP|LBP|SYP|GIP|FKP|SHP|CHF"
    r"|CNY|canadian|australian|mexican|pesos?|reais|" + _CODES + ")"
)
_OTHER_COUNTRY = r"(?:CA|CAN|CDN|AU|AUS|NZ|HK|SG|TW|MX|BR)"  # in front only: `$25 can you` is no foreign money
_HUNDREDTHS = r"(?:in\s)?(?:cents?|ct|pence|penn(?:y|ies)|minor\sunits?)"
_PLAIN = re.compile(r"(0|[1-9][0-9]{0,8})(?:[.,]([0-9]{2,3}))?")
_GROUPED = re.compile(r"([1-9][0-9]{0,2}(?:,[0-9]{3})+)\.([0-9]{2,3})|([1-9][0-9]{0,2}(?:\.[0-9]{3})+),([0-9]{2,3})")
_GROUPED_WHOLE = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_SPOILT_BEFORE = re.compile(
    rf"(?:[{GLUE}.,'’/$€£+#−–-]|\d[^\w\s]{{1,2}}|\b(?:minus|negative)\s"
    rf"|\b(?:{_OTHER_MONEY}|{_OTHER_COUNTRY})[ ):]{{0,2}})$",
    re.IGNORECASE,
)
_NUMBER_BEFORE = re.compile(r"\d[ \u00a0\u202f]$")  # `5 500 EUR`; a sign on its number is not part of `10021 $50`
_SPOILT_AFTER = re.compile(
    rf"[{GLUE}%‰$€£¢]|[^\w\s]{{1,2}}\d|[ \u00a0\u202f]?[-−–][ \u00a0]?[$€£]?[0-9]|[ \u00a0\u202f]\d{{3}}(?!\d)"
    r"|\s?(?:k|m|mn|mio|bn|hundred|thousand|grand|million|billion|percent|%|to\s[$€£]?[0-9])(?!\w)"
    rf"|[\s(/]{{0,2}}(?:{_OTHER_MONEY}|{_HUNDREDTHS})(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in minor units (cents, whole yen, fils) of an ISO 4217 currency, one of `DECIMALS`."""

    minor: int
    currency: str


def amounts(text: str) -> Iterator[tuple[Amount | None, int, int]]:
    """Yield every mention of money in `text` with its start and end; None where it has more than one reading."""
    for mention in _MENTION.finditer(text):
        start, end = mention.span()
        yield (None if _spoilt(text, start, end) else _read(mention)), start, end


def _spoilt(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 16) : start]
    sign_leads = text[start] in "$€£" and text[start + 1].isdigit()
    return bool(
        _SPOILT_BEFORE.search(before)
        or (_NUMBER_BEFORE.search(before) and not sign_leads)
        or _SPOILT_AFTER.match(text, end)
    )


def _read(mention: re.Match[str]) -> Amount | None:
    marks = {_CURRENCIES[mark.lower()] for mark in mention.group("before", "again", "after") if mark}
    if mention["sign"] or len(marks) != 1:
        return None
    currency = marks.pop()
    minor = _minor_units(mention["first"] or mention["second"], DECIMALS[currency])
    return None if minor is None else Amount(minor, currency)


def _minor_units(number: str, decimals: int) -> int | None:
    """Return a number's minor units in a currency of so many decimals, if it has one reading there."""
    if decimals == 0 and _GROUPED_WHOLE.fullmatch(number):  # `5,800` has no decimals to be
        return int(number.replace(",", ""))
    whole, rest = _parts(number)
    if not whole or len(rest) > decimals:
        return None
    return int(whole + rest.ljust(decimals, "0"))


def _parts(number: str) -> tuple[str, str]:
    """Return the digits before and after the decimal sign; nothing where that might be one of thousands."""
    if plain := _PLAIN.fullmatch(number):
        whole, rest = plain[1], plain[2] or ""
        return ("", "") if len(rest) == 3 and whole != "0" and len(whole) <= 3 else (whole, rest)
    if grouped := _GROUPED.fullmatch(number):
        whole, rest = (part for part in grouped.groups() if part)
        return re.sub(r"[.,]", "", whole), rest
    return "", ""
