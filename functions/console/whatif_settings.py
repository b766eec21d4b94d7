"""Settings that somebody tries out in, by variable; today's with these in their place out, or a refusal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.certificate import Certificate
from shared.currency import written
from shared.entries import Allowance
from shared.intent.declaration import Intent
from shared.intent.named import check_names
from shared.settings import Settings, load

# What decides about a new task: the field of `Settings` by the variable that says it.
DECIDING: Mapping[str, str] = {
    "CONFIDENCE_THRESHOLD": "confidence_threshold",
    "AUTOMATIC": "automatic",
    "DISABLED_INTENTS": "disabled_intents",
    "CERTIFICATION": "certification",
    "CERTIFICATE": "certificate",
    "LOCAL_CERTIFICATE": "local_certificate",
}


def tried(today: Settings, variables: Mapping[str, str], intents: Mapping[str, Intent]) -> Settings:
    """Return today's settings with these variables of `DECIDING` in their place; an empty one is the default.

    Raises:
        SettingError: a value cannot be used; `field` names the variable, the words say what it must be.
    """
    parsed = load(variables)
    changed: dict[str, Any] = {DECIDING[name]: getattr(parsed, DECIDING[name]) for name in variables}
    return check_names(replace(today, **changed), intents)


def texts(settings: Settings) -> dict[str, str]:
    """Return each of `DECIDING` as its variable would say it."""
    return {
        "CONFIDENCE_THRESHOLD": f"{settings.confidence_threshold:g}",
        "AUTOMATIC": ",".join(_entry(name, allowed) for name, allowed in settings.automatic.items()),
        "DISABLED_INTENTS": ",".join(sorted(settings.disabled_intents)),
        "CERTIFICATION": "required" if settings.certification else "off",
        "CERTIFICATE": _text(settings.certificate),
        "LOCAL_CERTIFICATE": _text(settings.local_certificate),
    }


def changes(today: Settings, other: Settings) -> dict[str, tuple[str, str]]:
    """Return the variables that differ: as they are, and as they are tried."""
    before, after = texts(today), texts(other)
    return {name: (before[name], after[name]) for name in DECIDING if before[name] != after[name]}


def _entry(name: str, allowed: Allowance) -> str:
    return name if allowed is None else f"{name}<={ceiling(allowed)}"


def ceiling(allowed: Mapping[str, int] | int) -> str:
    """Return a ceiling as a setting states it: `50.00 USD|45.00 EUR`, or minor units."""
    if isinstance(allowed, int):
        return str(allowed)
    return "|".join(written(minor, currency).replace(",", "") for currency, minor in allowed.items())


def _text(certificate: Certificate | None) -> str:
    return certificate.model_dump_json() if certificate else ""
