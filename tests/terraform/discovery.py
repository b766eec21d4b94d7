"""Google's APIs as they describe themselves: what is wrong with the body of a request, field by field.

The discovery documents come with google-api-python-client. They name fields, types, enums and formats; bounds stand in
the fields' descriptions, in words that are few enough to read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

Schema = Mapping[str, Any]
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
MOST_CHARS = (
    re.compile(r"not exceed ([\d,]+) (?:Unicode )?characters"),
    re.compile(r"limited to ([\d,]+) (?:Unicode characters|characters|UTF-8 bytes)"),
    re.compile(r"maximum length (?:of the \w+ )?is ([\d,]+) (?:characters|UTF-8 bytes)"),
    re.compile(r"between \d+ and ([\d,]+) characters"),
)
RANGE = re.compile(r"between (\d+) and (\d+)(?: seconds)?\.")
DURATIONS = re.compile(r"[Cc]annot be more than (\d+) (\w+?)s? or less than (\d+) (\w+?)s?\.")
MOST_ITEMS = re.compile(r"A maximum of (\d+) [\w ]+ (?:are|is) allowed")
DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)s")


@cache
def document(api: str) -> Schema:
    """Return the document of an API and its version, such as pubsub.v1."""
    path = resources.files("googleapiclient.discovery_cache.documents") / f"{api}.json"
    loaded: Schema = json.loads(path.read_text())
    return loaded


@dataclass(frozen=True)
class Rule:
    """What a description says in words that no pattern reads: the sentence, and a check of the message around it."""

    api: str
    message: str
    field: str
    sentence: str
    broken_by: Callable[[Mapping[str, Any]], bool]


def _longest(subscription: Mapping[str, Any]) -> bool:
    kept = subscription.get("messageRetentionDuration", "604800s")
    return "deadLetterPolicy" not in subscription and _seconds(kept) < 31 * SECONDS["day"]


RULES = (
    Rule(
        *("billingbudgets.v1", "GoogleCloudBillingBudgetsV1BudgetAmount", "specifiedAmount"),
        "must match the currency of the billing account",
        lambda amount: "currencyCode" in amount.get("specifiedAmount", {}),
    ),
    Rule(
        *("billingbudgets.v1", "GoogleCloudBillingBudgetsV1NotificationsRule", "monitoringNotificationChannels"),
        "must use email notification channels",
        # Those that we make are e-mail, and have no name before they are made; of another's nobody knows.
        lambda rule: any(rule.get("monitoringNotificationChannels", [])),
    ),
    # Legal, and given away: what it drops exists nowhere else.
    Rule(*("pubsub.v1", "Subscription", "messageRetentionDuration"), "Cannot be more than 31 days", _longest),
)


def problems(api: str, message: str, body: Any) -> Iterator[str]:
    """Yield what an API would say against a message of it, each with its path."""
    yield from _value(api, {"$ref": message}, body, message)


def _value(api: str, schema: Schema, value: Any, path: str) -> Iterator[str]:
    if "$ref" in schema:
        yield from _message(api, schema["$ref"], value, path)
    elif schema.get("type") == "array":
        if not isinstance(value, list):
            yield f"{path}: is no list"
            return
        for n, item in enumerate(value):
            yield from _value(api, schema["items"], item, f"{path}[{n}]")
        if (most := MOST_ITEMS.search(schema.get("description", ""))) and len(value) > int(most[1]):
            yield f"{path}: has {len(value)} items, {most[1]} at most"
    elif "additionalProperties" in schema:
        for name, item in value.items():
            yield from _value(api, schema["additionalProperties"], item, f"{path}.{name}")
    elif schema.get("type") != "any" and value is not None:
        yield from (f"{path}: {wrong}" for wrong in _scalar(schema, value))


def _message(api: str, name: str, value: Any, path: str) -> Iterator[str]:
    schema = document(api)["schemas"][name]
    known = schema.get("properties", {})
    if not isinstance(value, dict):
        yield f"{path}: is no {name}"
        return
    for field, item in value.items():
        if field in known:
            yield from _value(api, known[field], item, f"{path}.{field}")
        else:
            yield f"{path}.{field}: unknown to {name}"
    for rule in RULES:
        if (rule.api, rule.message) == (api, name) and rule.broken_by(value):
            yield f"{path}.{rule.field}: {rule.sentence}"


def _scalar(schema: Schema, value: Any) -> Iterator[str]:
    """Yield what is wrong with a value that holds no others."""
    kind, form, said = schema.get("type"), schema.get("format"), schema.get("description", "")
    fits: dict[str, type | tuple[type, ...]]
    fits = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}
    if kind == "string" and form in ("int64", "uint64"):
        if not re.fullmatch(r"-?\d+", str(value)):
            yield f"{value!r} is no whole number"
        return
    is_fit: bool = isinstance(value, fits.get(str(kind), object)) and (kind == "boolean") == isinstance(value, bool)
    if not is_fit:
        yield f"{value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{value!r} is none of {', '.join(schema['enum'])}"
    if form == "google-duration":
        yield from _duration(said, value)
    elif isinstance(value, str):
        limits = [int(found[1].replace(",", "")) for pattern in MOST_CHARS if (found := pattern.search(said))]
        if limits and len(value) > min(limits):
            yield f"has {len(value)} characters, {min(limits)} at most"
    elif (bounds := RANGE.search(said)) and not int(bounds[1]) <= value <= int(bounds[2]):
        yield f"{value} is not between {bounds[1]} and {bounds[2]}"


def _duration(said: str, value: str) -> Iterator[str]:
    if not DURATION.fullmatch(value):
        yield f"{value!r} is no duration such as 3.5s"
        return
    least, most = 0.0, float("inf")
    if found := DURATIONS.search(said):
        most, least = (int(n) * SECONDS[unit] for n, unit in (found.group(1, 2), found.group(3, 4)))
    elif found := RANGE.search(said):
        least, most = float(found[1]), float(found[2])
    if not least <= _seconds(value) <= most:
        yield f"{value} is not between {least:.0f} and {most:.0f} s"
    if (step := re.search(r"multiple of (\d+) seconds", said)) and _seconds(value) % int(step[1]):
        yield f"{value} is no {step[0]}"


def _seconds(duration: str) -> float:
    found = DURATION.fullmatch(duration)
    return float(found[1]) if found else 0.0
