"""Hostile bodies get a stable code and a place, never an exception of another kind."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest
from shared.event.strict_json import MAX_DEPTH, MAX_POINTER_CHARS, parse_object

REFUSED = [
    (b"\xff\xfe{}", "not_utf8", None),
    (b"\xef\xbb\xbf{}", "not_utf8", None),
    (b'{"a":"\xed\xa0\x80"}', "not_utf8", None),
    ("{}".encode("utf-16"), "not_utf8", None),
    (b"", "malformed_json", None),
    (b"{", "malformed_json", None),
    (b'{"a":1,}', "malformed_json", None),
    (b"{'a':1}", "malformed_json", None),
    (b'{"a":01}', "malformed_json", None),
    (b'{"a":"\n"}', "malformed_json", None),
    (b'{"a":1} {"b":2}', "malformed_json", None),
    (b'{"a":"' + b"\\", "malformed_json", None),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep", None),
    (b'{"a":' + b"[" * 100_000, "too_deep", None),
    (b"[" * 262_144, "too_deep", None),
    (b'{"a":1,"a":2}', "duplicate_key", "/a"),
    (b'{"a":{"b":[0,{"c":1,"d":2,"c":1}]}}', "duplicate_key", "/a/b/1/c"),
    (b'{"a":1,"\\u0061":2}', "duplicate_key", "/a"),
    (b'{"a":NaN}', "not_finite", "/a"),
    (b'{"a":[1,Infinity]}', "not_finite", "/a/1"),
    (b'{"a":-Infinity}', "not_finite", "/a"),
    (b'{"a":1e999}', "not_finite", "/a"),
    (b'{"a/b":{"~":-1e400}}', "not_finite", "/a~1b/~0"),
    (b'{"a":9223372036854775808}', "integer_too_large", "/a"),
    (b'{"a":-9223372036854775809}', "integer_too_large", "/a"),
    (b'{"a":' + b"9" * 200_000 + b"}", "integer_too_large", "/a"),
    (b'{"a":"\\ud800"}', "lone_surrogate", "/a"),
    (b'{"a":"x\\udfffy"}', "lone_surrogate", "/a"),
    (b'{"a":{"\\ud800":1}}', "lone_surrogate", "/a"),
    (b'{"a":"\\u0000"}', "nul_character", "/a"),
    (b'{"a":{"b\\u0000":1}}', "nul_character", "/a"),
    (b'{"a":"\x00"}', "nul_character", None),
    (b"[]", "not_an_object", None),
    (b'"text"', "not_an_object", None),
    (b"NaN", "not_an_object", None),
    (b"null", "not_an_object", None),
]


@pytest.mark.parametrize(("body", "code", "field"), REFUSED, ids=range(len(REFUSED)))
def test_bad_body_is_refused_with_its_code_and_place(body: bytes, code: str, field: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_object(body)
    assert (caught.value.code, caught.value.field, caught.value.status) == (code, field, 400)


def test_limits_themselves_are_accepted() -> None:
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert parse_object(deep)
    assert parse_object(b'{"a":[9223372036854775807,-9223372036854775808,1e308]}')
    assert parse_object(b'{"a":"[[[{{{\\"]","b":"\\ud83d\\ude00","c":"\\\\"}')["b"] == "\U0001f600"
    assert len(parse_object(("{" + ",".join(f'"{i}":[]' for i in range(500)) + "}").encode())) == 500


def test_error_never_repeats_more_than_a_short_pointer() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_object(json.dumps({"k" * 100_000: {"x": 2**70}}).encode())
    assert len(caught.value.field or "") == MAX_POINTER_CHARS
    assert "kkk" not in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[' + b"[]," * 87_000 + b"1]}",
        b'{"a":[' + b"1," * 131_000 + b"1]}",
        b'{"a":"' + b'\\"' * 131_000,
        b'"\\' * 131_072,
        b"{" * 64 + b'"' * 262_000,
    ],
    ids=range(5),
)
def test_largest_body_takes_well_under_a_second(body: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(BadRequest):
        parse_object(body)
    assert time.process_time() - started < 1


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab~/é", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("xyz", max_size=3), json_values, max_size=4), st.booleans())
def test_every_sound_object_comes_through_unchanged(value: dict[str, object], ascii_only: bool) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0d8NaInfity1e9-. \n', max_size=60).map(str.encode))
def test_arbitrary_bytes_are_an_object_or_a_bad_request(body: bytes) -> None:
    try:
        value = parse_object(body)
    except BadRequest:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
