"""Bytes from outside in, a JSON object that every later step can store and send on out. Pure.

Python's `json` lets through what breaks later (NaN, duplicate keys, lone surrogates, huge integers, deep nesting).
A first parse stops at any of it; only then a second one marks such values, and a walk names the place of the first.
What has only one reading (a byte order mark, a line break inside a string) is mended for senders who cannot be told.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NoReturn

from shared.errors import BadRequest

MAX_DEPTH = 64
MAX_POINTER_CHARS = 200

# Possessive, and a string may lack its closing quote: linear for every input.
_NOT_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[^\[\]{}"]++', re.DOTALL)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile("[\ud800-\udfff]")
_WHY = {
    "not_finite": "numbers must be finite; NaN, Infinity and 1e999 are not JSON",
    "integer_too_large": "integers must fit into 64 bits; send larger ones as strings",
    "duplicate_key": "an object must not have the same key twice",
    "lone_surrogate": "a \\ud800-\\udfff escape must be part of a pair",
    "nul_character": "strings must not contain U+0000",
}


@dataclass(frozen=True, slots=True)
class _Defect:
    code: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value is, as a chain of keys: pointers are only written out for errors."""

    parent: _Place | None = None
    key: str | int = ""

    def pointer(self) -> str:
        keys: list[str] = []
        place = self
        while place.parent is not None:
            keys.append(str(place.key).replace("~", "~0").replace("/", "~1"))
            place = place.parent
        return "".join(f"/{key}" for key in reversed(keys))[:MAX_POINTER_CHARS]


def parse_object(body: bytes, max_depth: int = MAX_DEPTH, *, mend: bool = False) -> dict[str, Any]:
    """Return the JSON object in `body`; objects and arrays nest at most `max_depth` levels.

    `mend` reads what has one reading only: without a byte order mark, control characters inside strings as they are
    but for NUL, which is left out, and U+FFFD for a lone surrogate.

    Raises:
        BadRequest: code `not_utf8` (also for a byte order mark), `malformed_json`, `too_deep`, `duplicate_key`,
            `not_finite`, `integer_too_large`, `lone_surrogate`, `nul_character` or `not_an_object`; `field` is the
            JSON pointer of the value where it is known, at most 200 characters of it.
    """
    text = _decode(body, mend)
    strict, marking = (_mending, _mending_and_marking) if mend else (_strict, _marking)
    # The parser recurses, so this comes before it.
    if body.count(b"[") + body.count(b"{") > max_depth and _depth(body) > max_depth:
        raise BadRequest(f"objects and arrays may nest {max_depth} levels", code="too_deep")
    try:
        try:
            value = strict(text)
            suspicious = "\\u" in text or "\x00" in text  # an escape may be a lone surrogate or U+0000
        except _Suspicious:
            value, suspicious = marking(text), True
    except json.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON (at character {error.pos})", code="malformed_json") from None
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object", code="not_an_object")
    found: dict[str, Any] = _mended(value) if suspicious and mend else value
    if suspicious:
        _check(found)
    return found


def _depth(body: bytes) -> int:
    return max(accumulate(map(_STEP.__getitem__, _NOT_BRACKETS.sub(b"", body))), default=0)


def _decode(body: bytes, mend: bool) -> str:
    body = body.removeprefix(codecs.BOM_UTF8) if mend else body
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body must be UTF-8 (byte {error.start} is not)", code="not_utf8") from None
    if text.startswith("\ufeff"):
        raise BadRequest("the body must be UTF-8 without a byte order mark", code="not_utf8")
    if "\x00" in text and not mend:
        raise BadRequest(_WHY["nul_character"], code="nul_character")
    return text


class _Suspicious(Exception):
    """Raised into a first parse by what Python's `json` would let through."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _Suspicious
    return result


def _int64(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= (value := int(digits)) < 2**63:
        raise _Suspicious
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _Suspicious
    return value


def _constant(name: str) -> NoReturn:
    raise _Suspicious


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                result[key] = _Defect("duplicate_key")
            seen.add(key)
    return result


def _integer(digits: str) -> int | _Defect:
    # int() refuses thousands of digits with an error of its own.
    return int(digits) if len(digits) <= 20 else _Defect("integer_too_large")


# json.loads would build a decoder for every call.
_hooks: dict[str, Any] = {
    "object_pairs_hook": _unique,
    "parse_int": _int64,
    "parse_float": _finite,
    "parse_constant": _constant,
}
_marks: dict[str, Any] = {
    "object_pairs_hook": _object,
    "parse_int": _integer,
    "parse_constant": lambda _: _Defect("not_finite"),
}
_strict = json.JSONDecoder(**_hooks).decode
_marking = json.JSONDecoder(**_marks).decode
_mending = json.JSONDecoder(**_hooks, strict=False).decode
_mending_and_marking = json.JSONDecoder(**_marks, strict=False).decode


def _mended(value: Any) -> Any:
    """Return `value` with strings that every store takes; two keys that become one are a defect like any such pair."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value.replace("\x00", ""))
    if isinstance(value, dict):
        return _object([(_mended(key), _mended(child)) for key, child in value.items()])
    return [_mended(child) for child in value] if isinstance(value, list) else value


def _check(root: dict[str, Any]) -> None:
    stack: list[tuple[Any, _Place]] = [(root, _Place())]
    while stack:
        value, place = stack.pop()
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if code := _defect(key):
                _refuse(code, place)  # such a key cannot be shown: the place is its object
            if code := _defect(child):
                _refuse(code, _Place(place, key))
            if isinstance(child, dict | list):
                stack.append((child, _Place(place, key)))


def _defect(value: Any) -> str | None:
    if isinstance(value, str):
        if "\x00" in value:
            return "nul_character"
        return "lone_surrogate" if not value.isascii() and _SURROGATE.search(value) else None
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**63 else "integer_too_large"
    if isinstance(value, float):
        return None if math.isfinite(value) else "not_finite"
    return value.code if isinstance(value, _Defect) else None


def _refuse(code: str, place: _Place) -> NoReturn:
    raise BadRequest(_WHY[code], code=code, field=place.pointer())
