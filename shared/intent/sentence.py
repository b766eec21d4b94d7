"""An intent and its parameters in; what would happen as a person would say it, and its money as money, out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.currency import written
from shared.intent.declaration import Intent
from shared.intent.provenance import currency_field

MAX_VALUE_CHARS = 80
PLACE = re.compile(r"\{([^{}]*)\}")
UNKNOWN = "?"
EFFECT_KEY = "effect_key"  # the key that the provider was given, as a place in `Intent.look_at`


def sentence(intent: Intent, parameters: Mapping[str, Any]) -> str:
    """Return what the intent would do with these parameters: `Refund 25.00 USD of order 10020`.

    What is missing is a question mark. Values are as somebody wrote them: escape what comes out.
    """
    template = intent.effect or default_effect(intent)
    return PLACE.sub(lambda place: _said(intent, place[1], parameters), template)


def page_at_provider(intent: Intent, parameters: Mapping[str, Any], effect_key: str) -> str:
    """Return the address at which a person sees what became of an effect; empty where nobody knows one."""
    known = {**parameters, EFFECT_KEY: effect_key}

    def filled(place: re.Match[str]) -> str:
        return quote(str(known.get(place[1], "")).removeprefix("#"), safe="")

    return PLACE.sub(filled, intent.look_at)


def in_words(intent: Intent, parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return which parameters the sentence says, and says whole."""
    named = PLACE.findall(intent.effect or default_effect(intent))
    whole = frozenset(name for name in named if len(str(parameters.get(name, ""))) <= MAX_VALUE_CHARS)
    return whole | {_currency_of(intent) or ""} if intent.policy.amount in whole else whole


def default_effect(intent: Intent) -> str:
    """Return the sentence of an intent that declares none: `Gift card: order {order_id}`."""
    named = {_currency_of(intent)}
    parts = [f"{_words(name)} {{{name}}}" for name in intent.parameters.model_fields if name not in named]
    return f"{_words(intent.name).capitalize()}: {', '.join(parts)}"


def money(intent: Intent, parameters: Mapping[str, Any]) -> str:
    """Return the amount that an intent moves, `25.00 USD`; empty where it moves none or it cannot be read."""
    field = intent.policy.amount
    minor = parameters.get(field) if field else None
    if not isinstance(minor, int) or isinstance(minor, bool):
        return ""
    named = _currency_of(intent)
    return written(minor, str((parameters.get(named) if named else intent.policy.currency) or ""))


def _said(intent: Intent, name: str, parameters: Mapping[str, Any]) -> str:
    value = parameters.get(name)
    if name == intent.policy.amount:
        return money(intent, parameters) or UNKNOWN
    if value is None or value == "":
        return UNKNOWN
    text = " ".join(str(value).split()).removeprefix("#")
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}..."


def _currency_of(intent: Intent) -> str | None:
    field = intent.policy.amount
    return currency_field(intent.parameters, field) if field else None


def _words(name: str) -> str:
    return name.removesuffix("_id").removesuffix("_minor").replace("_", " ")
