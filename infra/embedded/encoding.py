"""Documents as JSON text and back, exactly. Pure.

Datetimes become `{"$time": ...}` of fixed width, so that the order of the text is the order in time. A key of a
document's own that begins with `$` gets a second one, and a text that begins like a map or a list becomes
`{"$text": ...}`: what SQLite extracts of a member then tells a text from everything else, so an index answers alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import SwitchyardError
from shared.wiring.ports import Document

TIME_KEY = "$time"
TEXT_KEY = "$text"
# What every datetime lies between, and nothing else does.
FIRST_TIME, LAST_TIME = '{"$time":"', '{"$time":"~'
# Up to 1 MiB each, and no list shows them: they lie apart, so that reading the others does not read them.
BULKY: Mapping[str, frozenset[str]] = {
    "tasks": frozenset({"payload", "followups"}),
    "dead_letters": frozenset({"data"}),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_text(value: Any) -> str:
    """Return `value` as JSON.

    Raises:
        SwitchyardError: `invalid_document`: no JSON type or aware datetime, NaN, over 64 bits, or no Unicode.
    """
    try:
        text = json.dumps(_encode(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (ValueError, TypeError, RecursionError):
        raise SwitchyardError("a value cannot be stored", code="invalid_document") from None
    return text


def from_text(text: str) -> Document:
    """Return the document that `to_text` was given."""
    document: Document = json.loads(text, object_hook=_decode)
    return document


def to_texts(collection: str, data: Document) -> tuple[str, str]:
    """Return a document in its two parts: without its `BULKY` members, and these alone.

    Raises:
        SwitchyardError: see `to_text`.
    """
    bulky = BULKY.get(collection, frozenset())
    bulk = {name: value for name, value in data.items() if name in bulky}
    return to_text({name: value for name, value in data.items() if name not in bulky}), to_text(bulk)


def from_us(us: int) -> datetime:
    """Return the moment that is `us` microseconds after 1970, exactly."""
    return EPOCH + timedelta(microseconds=us)


def to_rfc3339(us: int) -> str:
    """Return the same moment as text, to the letter as Google's clients write it: no zeros at the end."""
    fraction = f"{us % 1_000_000:06}".rstrip("0") or "000000"
    return f"{from_us(us):%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def _encode(value: Any) -> Any:
    if isinstance(value, dict):
        return {_escape(key): _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, str) and value.startswith(("{", "[")):
        return {TEXT_KEY: value}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return {TIME_KEY: value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("over 64 bits")
    return value


def _escape(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("keys are strings")
    return "$" + key if key.startswith("$") else key


def _decode(pairs: dict[str, Any]) -> Any:
    if TIME_KEY in pairs:
        return datetime.fromisoformat(pairs[TIME_KEY])
    if TEXT_KEY in pairs:
        return pairs[TEXT_KEY]
    if any(key.startswith("$") for key in pairs):
        return {key[1:] if key.startswith("$") else key: item for key, item in pairs.items()}
    return pairs
