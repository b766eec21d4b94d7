"""Markers on intent parameters that say where a value must come from, and the check that it does. Pure.

order_id: Annotated[str, Field(pattern=...), FromPayload()]
email: Annotated[str, FromField("/requester/email")]
summary: Annotated[str, NumbersFromPayload()]
amount_minor: Annotated[int, Field(gt=0), MoneyFromPayload(currency="currency")]
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from shared.event.money import GLUE, Amount, amounts
from shared.event.payload import View


@dataclass(frozen=True, slots=True)
class FromPayload:
    """The value equals a whole token of the payload's text (NFC, word and digit boundaries)."""


@dataclass(frozen=True, slots=True)
class FromField:
    """The value equals this authenticated structured field, whatever the free text says."""

    pointer: str


@dataclass(frozen=True, slots=True)
class NumbersFromPayload:
    """Every word of the value that has a digit stands in the payload's text; the other words may be the model's."""


@dataclass(frozen=True, slots=True)
class MoneyFromPayload:
    """The integer, in minor units, is the one amount that the payload's text states, without ambiguity.

    Of several amounts a person chooses. `currency` names the sibling parameter that holds the ISO 4217 code.
    """

    currency: str


Marker = FromPayload | FromField | MoneyFromPayload | NumbersFromPayload
_WITH_DIGIT = re.compile(r"[^\W_]*\d(?:[\w.,:'’/-]*\w)?")

# What may not touch a token: another letter or digit, also across the connectors of numbers, ids, hosts and e-mails
# (50 is no token of 1.50, 1009 none of A-1009), and nothing that makes it money.
# Japanese, Chinese and Korean write `注文10021を` without spaces: there an ASCII token ends where the script changes,
# unless the neighbour is a numeral.
_UNSPACED = r"[\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff\uac00-\ud7a3]"
_NUMERAL = "[〇零一二三四五六七八九十百千万萬億亿兆两兩壱弐参点點만천백십억]"
_BEFORE = re.compile(
    rf"(?<={_UNSPACED})(?<!{_NUMERAL})(?=[A-Za-z0-9])|(?<![{GLUE}$€£−-])(?<![{GLUE}][-.@/\\'’])(?<![0-9][,:])"
)
_AFTER = re.compile(rf"(?<=[A-Za-z0-9])(?={_UNSPACED})(?!{_NUMERAL})|(?![{GLUE}$€£%])(?![-.@/\\][{GLUE}])(?![,:][0-9])")


@cache
def markers_of(model: type[BaseModel]) -> Mapping[str, Marker]:
    """Return the marker of each field of `model` that has one."""
    found = {name: next(_markers(info.metadata, info.annotation), None) for name, info in model.model_fields.items()}
    return {name: marker for name, marker in found.items() if marker is not None}


def currency_field(model: type[BaseModel], amount: str) -> str | None:
    """Return the parameter that says which currency the amount of another one is in, if one does."""
    marker = markers_of(model).get(amount)
    return marker.currency if isinstance(marker, MoneyFromPayload) else None


def check(parameters: Mapping[str, Any], model: type[BaseModel], view: View) -> list[str]:
    """Return a reason for every marked parameter that is not where it must come from.

    `provenance: <field> ...`, or `may_be_quoted: <field> ...` of what stands only in words that may be somebody else's.
    `parameters` may be unvalidated. A reason never repeats a value. Parameters that are absent or None claim nothing:
    whether they may be is for the model's validation to say.
    """
    own = [fold(text) for text in view.texts.values()]
    doubtful = [fold(text) for text in view.may_be_quoted.values()]
    reasons = []
    for field, marker in markers_of(model).items():
        value = parameters.get(field)
        if value is None or not (problem := _problem(marker, value, parameters, own, view)):
            continue
        if doubtful and not isinstance(marker, FromField) and not _problem(marker, value, parameters, doubtful, view):
            reasons.append(f"may_be_quoted: {field} stands only in what may be quoted")
        else:
            reasons.append(f"provenance: {field} {problem}")
    return reasons


def has_source(parameters: Mapping[str, Any], model: type[BaseModel]) -> bool:
    """Return whether some parameter must stand in the writer's words, so that `check` looks for it there."""
    sourced = (f for f, m in markers_of(model).items() if isinstance(m, FromPayload | MoneyFromPayload))
    return any(parameters.get(field) is not None for field in sourced)


def stands_in(parameters: Mapping[str, Any], model: type[BaseModel], view: View) -> bool:
    """Return whether every parameter stands in the event, also one that the model may put into words of its own."""
    texts, markers = [fold(text) for text in view.texts.values()], markers_of(model)
    given = {name: value for name, value in parameters.items() if value is not None}
    strict = {n: m for n, m in markers.items() if isinstance(m, FromField | MoneyFromPayload)}
    return not any(_problem(strict.get(n, FromPayload()), v, parameters, texts, view) for n, v in given.items())


def _problem(marker: Marker, value: Any, parameters: Mapping[str, Any], texts: list[str], view: View) -> str | None:
    match marker:
        case FromPayload():
            return None if _in_texts(value, texts) else "is not in the text"
        case NumbersFromPayload():
            stated = {number for text in texts for number in _WITH_DIGIT.findall(text)}
            numbers = set(_WITH_DIGIT.findall(fold(value))) if isinstance(value, str) else set()
            return None if numbers <= stated else "has a number that is not in the text"
        case FromField(pointer):
            actual = view.at(pointer)
            if actual is None:
                return f"cannot be confirmed: the event has no {pointer}"
            return None if _same(value, actual) else f"differs from the event's {pointer}"
        case MoneyFromPayload(currency):
            stated = {amount for text in texts for amount, _, _ in amounts(text)}
            if not any(_is(amount, value, parameters.get(currency)) for amount in stated):
                return f"is not stated as an amount in {currency} with one reading"
            return "is one of several amounts in the text" if len(stated) > 1 else None


def _markers(metadata: Iterable[Any], annotation: Any) -> Iterator[Marker]:
    yield from (m for m in metadata if isinstance(m, Marker))
    for part in get_args(annotation):  # Annotated[str, FromPayload()] | None, list[Annotated[...]]
        yield from _markers(getattr(part, "__metadata__", ()), part)


def fold(text: str) -> str:
    """Return `text` in NFC with every run of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _in_texts(value: Any, texts: list[str]) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_in_texts(item, texts) for item in value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    token = fold(str(value)).removeprefix("#")
    return bool(token) and any(_stands_alone(token, text) for text in texts)


def _stands_alone(token: str, text: str) -> bool:
    start = text.find(token)
    while start >= 0:
        if _BEFORE.match(text, start) and _AFTER.match(text, start + len(token)):
            return True
        start = text.find(token, start + 1)
    return False


def _is(amount: Amount | None, minor: Any, currency: Any) -> bool:
    # `True == 1` and `50.0 == 50`: only an int is an amount.
    return amount is not None and type(minor) is int and (amount.minor, amount.currency) == (minor, currency)


def _same(value: Any, actual: Any) -> bool:
    if not (isinstance(value, str) and isinstance(actual, str)):
        return type(value) is type(actual) and bool(value == actual)
    # Not by mailbox: the value runs as it stands. Letter case is ignored in ASCII addresses only: beyond ASCII, folding
    # makes different mailboxes equal.
    if "@" in actual and value.isascii() and actual.isascii():
        return value.lower() == actual.lower()
    return unicodedata.normalize("NFC", value) == unicodedata.normalize("NFC", actual)
