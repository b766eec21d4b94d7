"""Texts -> the answer of a modest model: keywords choose one of the shipped intents, patterns fill its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Answerer = Callable[[Mapping[str, str]], dict[str, Any]]

SURE, VAGUE = 0.93, 0.5
# The first pattern that matches wins: the special before the general.
_INTENTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ticket_summary", r"\b(summari[sz]e|summary|tl;?dr)\b", ("summary",)),
    ("password_reset", r"\b(pass ?words?|passcode|locked out|can'?t log ?in)\b", ("email",)),
    ("change_address", r"\b(address|ship .+ to|deliver .+ to|send it to)\b", ("order_id", "new_address")),
    ("refund_request", r"\b(refund\w*|money back|reimburse\w*)\b", ("order_id", "amount_minor", "currency")),
    ("cancel_order", r"\b(cancel\w*|stop (my |the )?order)\b", ("order_id",)),
    ("order_status", r"\b(where is|status|track\w*|shipped|arriv\w+)\b", ("order_id",)),
)
_ORDER = re.compile(
    r"#(?!\d+\b\s*[A-Z][a-z]+ (?:St|Street|Road)\b)[A-Za-z0-9-]{3,40}|\b[A-Z]{1,3}-\d{3,10}\b|(?<=order )\d{3,10}\b",
    re.I,
)
_MONEY = re.compile(
    r"(?P<sign>[$€£])\s?(?P<a>\d{1,6}(?:\.\d\d)?)\b|\b(?P<b>\d{1,6}(?:\.\d\d)?)\s?(?P<code>USD|EUR|GBP)\b", re.I
)
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_ADDRESS = re.compile(r"\bto (?P<address>\d+[^.!?\n]{7,290}?)(?: instead| please)?(?=[.!?\n]|$)", re.I)


def answer(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return {intent, parameters, confidence}; keys that begin with "fields/" are authenticated, not prose."""
    prose = "\n".join(text for label, text in texts.items() if not label.startswith("fields/"))
    fields = "\n".join(text for label, text in texts.items() if label.startswith("fields/"))
    intent, wanted = next(((n, w) for n, p, w in _INTENTS if re.search(p, prose, re.I)), ("unclassified", ()))
    if not wanted:
        return {"intent": intent, "parameters": {}, "confidence": SURE}
    found = _parameters(prose, fields)
    parameters = {name: found[name] for name in wanted if name in found}
    return {"intent": intent, "parameters": parameters, "confidence": SURE if len(parameters) == len(wanted) else VAGUE}


def _parameters(prose: str, fields: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if order := _ORDER.search(prose):
        found["order_id"] = order[0]
    if money := _MONEY.search(prose):
        found["amount_minor"] = round(float(money["a"] or money["b"]) * 100)
        found["currency"] = _SIGNS.get(money["sign"] or "") or money["code"].upper()
    if email := _EMAIL.search(fields) or _EMAIL.search(prose):
        found["email"] = email[0]
    if address := _ADDRESS.search(prose):
        found["new_address"] = address["address"].strip()
    if sentence := re.split(r"(?<=[.!?])\s|\n", prose.strip(), maxsplit=1)[0][:500]:
        found["summary"] = sentence
    return found
