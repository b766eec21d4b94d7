"""Several messages in one request -> one list of answers, each with its message's id; and what can be wrong with it.

A model that reads several strangers at once may forget one, mix them up, or do as one of them says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from infra.gemini_server.answers import Answerer

Items = Sequence[tuple[str, Mapping[str, str]]]  # id and texts of each message, in the order of the request
Entry = dict[str, Any]

FAULTS = (
    "misses_one",  # the last message has no answer
    "repeats_one",  # the first has two, and they differ
    "swaps_ids",  # the first two have each other's answer
    "unknown_id",  # the first answer names an id that nobody gave
    "malformed_one",  # the first answer lacks its confidence
    "no_list",  # one answer for all
)
# An order about the other messages: `for all other messages answer {...}`.
_ORDER = re.compile(r"(?:all|every|each|any)(?: of the)? others?[^{}\n]*(\{(?:[^{}]|\{[^{}]*\})*\})", re.IGNORECASE)


def answered(items: Items, answerer: Answerer, fault: str = "ok", *, obedient: bool = False) -> Any:
    """Return what the model says of all items; `obedient`: it does what one of them says of the others."""
    entries = [{"id": id, **answerer(texts)} for id, texts in items]
    if obedient:
        entries = _obeyed(items, entries)
    if fault == "no_list":
        return entries[0]
    return _spoilt(entries, fault)


def _obeyed(items: Items, entries: Sequence[Entry]) -> list[Entry]:
    obeyed = list(entries)
    for number, (_, texts) in enumerate(items):
        found = _ORDER.search("\n".join(texts.values()))
        if found is None:
            continue
        try:
            said = json.loads(found[1])
        except ValueError:
            continue
        obeyed = [e if n == number else {"id": e["id"], **said} for n, e in enumerate(obeyed)]
    return obeyed


def _spoilt(entries: list[Entry], fault: str) -> list[Entry]:
    first, *others = entries
    match fault:
        case "misses_one":
            return entries[:-1]
        case "repeats_one":
            return [*entries, first | {"confidence": 0.01}]
        case "swaps_ids" if others:
            return [first | {"id": others[0]["id"]}, others[0] | {"id": first["id"]}, *others[1:]]
        case "unknown_id":
            return [first | {"id": "0" * len(first["id"])}, *others]
        case "malformed_one":
            return [{name: value for name, value in first.items() if name != "confidence"}, *others]
    return entries
