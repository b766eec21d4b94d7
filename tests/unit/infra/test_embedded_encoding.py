"""Documents survive the way to JSON text and back, and times are written as Google writes them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proto.datetime_helpers import DatetimeWithNanoseconds

from infra.embedded.encoding import FIRST_MAP, FIRST_TIME, from_text, from_us, to_key, to_rfc3339, to_text
from shared.errors import Retry, SwitchyardError
from shared.wiring.ports import Document

TIMES = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | TIMES
)
KEYS = st.text("$time", max_size=6) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=10)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_document_comes_back_as_it_was(document: Document) -> None:
    assert from_text(to_text(document)) == document
    # Equality takes 1, 1.0 and True for the same; the text does not.
    assert to_text(from_text(to_text(document))) == to_text(document)


@given(SCALARS, SCALARS)
def test_keys_are_in_the_order_of_their_values_and_kinds_lie_apart(a: Any, b: Any) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        [(less, same)] = connection.execute("SELECT ?1 < ?2, ?1 IS ?2", (to_key(a), to_key(b)))
    if rank(a) != rank(b):
        assert (less, same) == (None if None in (a, b) else rank(a) < rank(b), False)
    elif a is not None:
        assert (less, same) == (ordered(a) < ordered(b), ordered(a) == ordered(b))


def rank(value: Any) -> int:
    kinds = (type(None), int | float, str, bool, datetime)
    return next(n for n, kind in reversed([*enumerate(kinds)]) if isinstance(value, kind))


def ordered(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


@given(TIMES)
def test_keys_of_times_lie_in_the_range_of_times(time: datetime) -> None:
    assert bytes.fromhex(FIRST_TIME[2:-1]) < to_key(time) < bytes.fromhex(FIRST_MAP[2:-1])


@pytest.mark.parametrize("value", [{}, [], {"a": 1}])
def test_maps_and_lists_are_beyond_everything_and_not_told_apart(value: Any) -> None:
    assert to_key(value) == bytes.fromhex(FIRST_MAP[2:-1])


@given(st.integers(0, 4_000_000_000_000_000))
def test_version_is_written_as_google_writes_an_update_time(us: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    assert from_us(us) == moment
    assert (
        to_rfc3339(us)
        == DatetimeWithNanoseconds.from_timestamp_pb(
            DatetimeWithNanoseconds.from_rfc3339(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")).timestamp_pb()
        ).rfc3339()
    )


@pytest.mark.parametrize("us", [0, 1, 120_000, 999_999, 1_000_000, 1_700_000_000_100_000])
def test_version_without_zeros_at_its_end(us: int) -> None:
    fraction = to_rfc3339(us).rpartition(".")[2]
    assert fraction == "000000Z" or not fraction.endswith("0Z")


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**63, -(2**63) - 1, "\ud800", datetime(2026, 1, 1), b"bytes", {1: "key"}, {"s": {1}}],
    ids=repr,
)
def test_what_firestore_cannot_hold_is_refused_and_not_retried(value: object) -> None:
    with pytest.raises(SwitchyardError) as caught:
        to_text({"value": value})
    assert caught.value.code == "invalid_document"
    assert not isinstance(caught.value, Retry)
