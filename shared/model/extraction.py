"""An intent's parameters model and a view in; the parameters a text plainly states out. Pure.

Driven by each field's type, pattern and marker, so a new intent needs nothing here. It never chooses: of two order
numbers it takes neither.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from shared.event.money import amounts
from shared.event.payload import View
from shared.intent.provenance import FromField, FromPayload, Marker, MoneyFromPayload, markers_of
from shared.model.beside import Cue, answers, cue, numbers

_TOKEN = re.compile(r"(?:#|(?<![\w#@.+-]))[A-Za-z0-9](?:[A-Za-z0-9_@.+-]*[A-Za-z0-9])?(?![%\w])")
_LINK = r"\W{0,3}(?:(?:number|no|nr|num|id|ref|reference|code|is|was|ending in|ending)\b\W{0,3}){0,3}"
_OTHER_NUMBER = re.compile(
    r"\b(?:ticket|case|account|acct|card|check|cheque|pin|policy|invoice|phone|apt|unit|suite|room|bank|routing|issue)s?\b"
    rf"{_LINK}$",
    re.IGNORECASE,
)
_LIST_GOES_ON = re.compile(
    r"\s*(?:,|/|&|\b(?:and|or|plus)\b)\s*(?:(?:and|or|also|order)\s+){0,2}(?=#?\w*[0-9])", re.IGNORECASE
)
_DATE_OR_MEASURE = re.compile(
    r"(?:19|20)[0-9]{2}|[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,4}|[0-9]+(?:st|nd|rd|th|am|pm|x|k|m|kg|g|cm|mm|km|gb|h|hr|hrs|min|days?)",
    re.IGNORECASE,
)
_PHONE = re.compile(r"\+?[0-9]{10,}|\+?[0-9]{2,4}(?:[-.][0-9]{2,5})+")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")

_ADDRESS = re.compile(
    r"(?:\b(?:to|is|address)\b\s*:?|:)\s+(?=[0-9A-ZÄÖÜÉ])(?P<address>[^!?;()\n]{8,300}?)"
    r"(?:,?\s+(?:instead|please|thanks?|thx|asap|rather|not|because|since|before|until|for order|on order|regards|best|"
    r"kind|cheers)\b|(?<!St)(?<!Str)(?<!Rd)(?<!Ave)(?<!Dr)(?<!Ln)(?<!Blvd)(?<!Apt)(?<!No)\.(?=\s|$)|[!?;()]|(?P<line>\n)|$)"
)
_ADDRESS_WORD = re.compile(
    r"[\W_]*(?:\w*[0-9]\w*|[^\Wa-z0-9_].*|of|the|and|de|la|le|du|des|am|an|der|von|apt|unit|floor)[\W_]*"
)

_MORE_ON_LINE = re.compile(r"[^\S\n]*\S")


@dataclass(frozen=True, slots=True)
class _Found:
    """The distinct values a text offers for one parameter; not `sure` where even a single one is only a guess."""

    values: list[Any]
    sure: bool = True


def extract(model: type[BaseModel], view: View) -> tuple[dict[str, Any], bool]:
    """Return the parameters found, and whether they are complete: nothing required missing, nothing doubtful."""
    schema = _schema(model)
    texts = list(dict.fromkeys(view.texts.values()))
    parameters: dict[str, Any] = {}
    complete = True
    for name, found in _search(model, schema["properties"], texts, view):
        if len(found.values) == 1:
            parameters |= found.values[0] if isinstance(found.values[0], dict) else {name: found.values[0]}
        complete &= found.sure and len(found.values) <= 1
    return parameters, complete and set(schema.get("required", ())) <= set(parameters)


def _search(
    model: type[BaseModel], properties: Mapping[str, Any], texts: list[str], view: View
) -> Iterator[tuple[str, _Found]]:
    markers = markers_of(model)
    currencies = {marker.currency for marker in markers.values() if isinstance(marker, MoneyFromPayload)}
    for name, schema in properties.items():
        if name not in currencies:  # found together with its amount
            kind = next((s for s in schema.get("anyOf", [schema]) if s.get("type") != "null"), schema)
            if kind.get("type") in ("integer", "number", "boolean") and isinstance(
                markers.get(name), FromPayload | None
            ):
                found = cue(name, (schema | kind).get("description", ""), set(properties) - {name})
                yield name, _beside(found, kind, texts) if found else _Found([])
            else:
                yield name, _find(name, markers.get(name), kind, texts, view)


def _beside(words: Cue, kind: Mapping[str, Any], texts: list[str]) -> _Found:
    """Find the one number, or yes or no, beside the parameter's words; of two it takes neither."""
    if kind["type"] == "boolean":
        return _Found(list(dict.fromkeys(answers(words, texts))))
    said = list(dict.fromkeys(numbers(words, texts)))
    if kind["type"] == "integer" and any(isinstance(number, float) for number in said):
        return _Found([], sure=False)
    if len(said) == 1 and said[0] is not None and not _in_bounds(said[0], kind):
        return _Found([], sure=False)
    return _Found([number for number in said if number is not None], sure=None not in said)


def _in_bounds(number: float, kind: Mapping[str, Any]) -> bool:
    least: float = kind.get("minimum", -math.inf)
    most: float = kind.get("maximum", math.inf)
    above: float = kind.get("exclusiveMinimum", -math.inf)
    below: float = kind.get("exclusiveMaximum", math.inf)
    return least <= number <= most and above < number < below


def _find(name: str, marker: Marker | None, kind: Mapping[str, Any], texts: list[str], view: View) -> _Found:
    match marker:
        case FromField(pointer):
            value = view.at(pointer)
            return _Found([] if value is None else [value])
        case MoneyFromPayload(currency):
            return _money(name, currency, texts)
    if kind.get("type") != "string":
        return _Found([])
    if options := kind.get("enum"):
        return _Found([o for o in options if any(re.search(rf"\b{re.escape(o)}\b", text) for text in texts)])
    if pattern := kind.get("pattern"):
        return _tokens(name, pattern, texts)
    if isinstance(marker, FromPayload):
        return _address(kind, texts) if "address" in name else _Found([])
    return _opening(kind, texts)


def _money(name: str, currency: str, texts: list[str]) -> _Found:
    mentions = [amount for text in texts for amount, _, _ in amounts(text)]
    distinct = [{name: a.minor, currency: a.currency} for a in dict.fromkeys(mentions) if a is not None]
    return _Found(distinct, sure=None not in mentions)


def _tokens(name: str, pattern: str, texts: list[str]) -> _Found:
    """Find tokens that match: `#47384`, `order no. 47384`; a number of unknown meaning is offered, but never sure."""
    words = [word for word in name.split("_") if word not in ("id", "number", "no", "ref", "code", "last4", "new")]
    named_before = re.compile(rf"\b(?:{'|'.join(map(re.escape, words)) or name})s?\b{_LINK}$", re.IGNORECASE)
    named: list[str] = []
    others: list[str] = []
    for text in texts:
        money = [range(start, end) for _, start, end in amounts(text)]
        listed_from = -1
        for match in _TOKEN.finditer(text):
            token, start, end = match[0], match.start(), match.end()
            if not _fits(pattern, token) or any(start in span or end - 1 in span for span in money):
                continue
            before = text[max(0, start - 60) : start]
            meant = bool(named_before.search(before)) and (_is_id(token) or _is_numeral(pattern, token))
            meant |= "@" in token or (token.startswith("#") and not _OTHER_NUMBER.search(before))
            if meant or start == listed_from:
                named.append(token)
                more = _LIST_GOES_ON.match(text, end)
                listed_from = more.end() if more else -1
            elif _is_id(token) and not _PHONE.fullmatch(token) and not _DATE_OR_MEASURE.fullmatch(token):
                others.append(token)
    return _Found(_distinct(named)) if named else _Found(_distinct(others), sure=not others)


def _fits(pattern: str, token: str) -> bool:
    try:
        return any(c.isdigit() or c == "@" for c in token) and re.search(pattern, token) is not None
    except re.error:  # the pattern is of a dialect that only Pydantic's engine reads
        return False


def _is_numeral(pattern: str, token: str) -> bool:
    """Whether it is a number, however short, where the pattern takes nothing else."""
    return token.isdigit() and not _fits(pattern, f"{token[:-1]}a")


def _is_id(token: str) -> bool:
    digits = sum(c.isdigit() for c in token)
    has_letter = any(c.isalpha() for c in token)
    return (digits >= 4 or (has_letter and digits >= 2)) and not re.fullmatch(r"\d+[a-z]{1,3}", token)


def _distinct(tokens: Iterable[str]) -> list[str]:
    """Drop repetitions; `#47384` and `47384` are one."""
    return list({token.removeprefix("#"): token for token in reversed(list(tokens))}.values())


def _address(kind: Mapping[str, Any], texts: list[str]) -> _Found:
    """Find what stands after `to` or `address is`; sure only if every word of it looks like part of an address."""
    found: dict[str, bool] = {}
    for text in texts:
        for match in _ADDRESS.finditer(text):
            address = match["address"].strip(" ,.")
            size_fits = kind.get("minLength", 1) <= len(address) <= kind.get("maxLength", 300)
            if size_fits and re.search(r"[0-9]", address) and re.search(r"[^\W\d_]{3}", address):
                goes_on = match["line"] is not None and bool(_MORE_ON_LINE.match(text, match.end()))
                looks_right = all(_ADDRESS_WORD.fullmatch(word) for word in address.split())
                found[address] = looks_right and not goes_on
    return _Found(list(found), sure=all(found.values()))


def _opening(kind: Mapping[str, Any], texts: list[str]) -> _Found:
    """Return the first two sentences of the longest text without links: an excerpt, as no words are made up here."""
    body = _URL.sub("", max(texts, key=len, default=""))
    sentences = [" ".join(sentence.split()) for sentence in _SENTENCE_END.split(body)]
    text = " ".join([sentence for sentence in sentences if sentence][:2])
    limit = kind.get("maxLength", 500)
    if len(text) > limit:
        text = text[: limit - 1].rpartition(" ")[0] + "…"
    return _Found([text] if len(text) >= kind.get("minLength", 1) and text else [])


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()
