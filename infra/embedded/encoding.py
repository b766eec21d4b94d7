"""Documents as JSON text and back, exactly. Pure.

Datetimes become `{"$time": ...}` of fixed width, so that the order of the text is the order in time. A key of a
document's own that begins with `$` gets a second one, and a text that begins like a map or a list becomes
`{"$text": ...}`: what SQLite extracts of a member then tells a text from everything else, so an index answers alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import to_json

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
_LIKE_MAPS = frozenset("{[")


def to_text(value: Any) -> str:
    """Return `value` as JSON.

    Raises:
        SwitchyardError: `invalid_document`: no JSON type or aware datetime, NaN, over 64 bits, or no Unicode.
    """
    try:
        return to_json(_encode(value)).decode()  # four times as fast as json.dumps
    except (ValueError, TypeError, RecursionError):
        raise SwitchyardError("a value cannot be stored", code="invalid_document") from None


def from_text(text: str) -> Document:
    """Return the document that `to_text` was given."""
    document: Document = _from_json(text)
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
        # Most of what there is are short texts and nothing, in maps: each call that they are spared counts.
        return {
            key if type(key) is str and key[:1] != "$" else _escape(key): item
            if item is None or (type(item) is str and item[:1] not in _LIKE_MAPS)
            else _encode(item)
            for key, item in value.items()
        }
    if isinstance(value, str):
        return {TEXT_KEY: value} if value[:1] in _LIKE_MAPS else value
    if isinstance(value, datetime):
        return {TIME_KEY: _time(value)}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ValueError("over 64 bits")
    elif value is not None and not (isinstance(value, float) and math.isfinite(value)):
        raise TypeError("no JSON type")
    return value


def _time(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("naive datetime")
    in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")[:-6] + "Z"


def _escape(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("keys are strings")
    return "$" + key if key.startswith("$") else key


def _decode(pairs: dict[str, Any]) -> Any:
    if TIME_KEY in pairs:
        return datetime.fromisoformat(pairs[TIME_KEY])
    if TEXT_KEY in pairs:
        return pairs[TEXT_KEY]
    for key in pairs:
        if key[:1] == "$":
            return {key[1:] if key[:1] == "$" else key: item for key, item in pairs.items()}
    return pairs


_from_json = json.JSONDecoder(object_hook=_decode).decode
