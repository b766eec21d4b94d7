"""Documents as JSON text and back, exactly; members as what SQLite compares and sorts. Pure.

Datetimes become `{"$time": ...}`. A key of a document's own that begins with `$` gets a second one.
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
TEXT_KEY = "$text"  # formats before 3 wrote a text that begins like a map or a list as {"$text": ...}
# SQLite sorts NULL, numbers, texts and bytes in this order, and bytes by their first: each kind has a range of its own.
ABSENT_KEY, _FALSE, _TRUE, _MAP = b"", b"\x00", b"\x01", b"\xff"
FIRST_TEXT, FIRST_BOOL, FIRST_TIME, FIRST_MAP = "''", "x'00'", "x'02'", "x'ff'"  # in SQL
_SHIFT_US = 2**62  # the years 1 to 9999 become positive, and begin with bytes between 0x3f and 0x43
# Up to 1 MiB each, and no list shows them: they lie apart, so that reading the others does not read them.
BULKY: Mapping[str, tuple[str, ...]] = {
    "tasks": ("payload", "followups"),
    "dead_letters": ("data",),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_AS_IT_IS = frozenset({str, bool, type(None)})  # most of what there is: each call that they are spared counts
_ESCAPED = '"$$'  # stands before every key that was escaped


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
    document: Document = (_decode_escaped if _ESCAPED in text else _decode)(text)
    return document


def to_texts(collection: str, data: Document) -> tuple[str, str]:
    """Return a document in its two parts: without its `BULKY` members, and these alone.

    Raises:
        SwitchyardError: see `to_text`.
    """
    rest = {**data}
    bulk = {name: rest.pop(name) for name in BULKY.get(collection, ()) if name in rest}
    return to_text(rest), to_text(bulk) if bulk else "{}"


def to_key(value: Any) -> Any:
    """Return what SQLite compares and sorts a value by: null first, then numbers, texts, truth values, times, maps."""
    match value:
        case None | str():
            return value
        case bool():
            return _TRUE if value else _FALSE
        case datetime():
            return ((value - EPOCH) // _US + _SHIFT_US).to_bytes(8)
        case int() | float():
            return value
    return _MAP


def from_us(us: int) -> datetime:
    """Return the moment that is `us` microseconds after 1970, exactly."""
    return EPOCH + timedelta(microseconds=us)


def to_rfc3339(us: int) -> str:
    """Return the same moment as text, to the letter as Google's clients write it: no zeros at the end."""
    fraction = f"{us % 1_000_000:06}".rstrip("0") or "000000"
    return f"{from_us(us):%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def _encode(value: Any) -> Any:
    """Return what JSON can say of a value; maps and lists that it can say as they are stay the same objects."""
    if isinstance(value, dict):
        return _encode_map(value)
    if isinstance(value, list | tuple):
        return value if not value or set(map(type, value)) == {str} else [*map(_encode, value)]
    if isinstance(value, datetime):
        return {TIME_KEY: _in_utc(value)}
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ValueError("over 64 bits")
    elif not (value is None or isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))):
        raise TypeError("no JSON type")
    return value


def _encode_map(value: dict[str, Any]) -> dict[str, Any]:
    if "$" in "".join(value):  # raises TypeError where a key is no text
        value = {"$" + key if key.startswith("$") else key: item for key, item in value.items()}
    changed = {}
    for key, item in value.items():
        if type(item) not in _AS_IT_IS:
            encoded = _encode(item)
            if encoded is not item:
                changed[key] = encoded
    return {**value, **changed} if changed else value


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("naive datetime")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _from_map(pairs: dict[str, Any]) -> Any:
    if len(pairs) == 1:
        if TIME_KEY in pairs:
            return datetime.fromisoformat(pairs[TIME_KEY])
        if TEXT_KEY in pairs:
            return pairs[TEXT_KEY]
    return pairs


def _from_escaped_map(pairs: dict[str, Any]) -> Any:
    found = _from_map(pairs)
    return {key[1:] if key[:1] == "$" else key: item for key, item in found.items()} if found is pairs else found


_decode = json.JSONDecoder(object_hook=_from_map).decode
_decode_escaped = json.JSONDecoder(object_hook=_from_escaped_map).decode
