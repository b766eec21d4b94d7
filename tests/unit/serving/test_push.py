"""The push envelope, as Pub/Sub, its emulator and the embedded bus send it, and as nobody should."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import BadRequest
from shared.serving.push import parse

WHOLE: dict[str, Any] = {
    "message": {
        "data": base64.b64encode(b"hello").decode(),
        "attributes": {"trace_id": "abc", "k": "v"},
        "messageId": "123",
        "message_id": "123",
        "publishTime": "2026-01-05T09:00:00.123456789Z",
        "publish_time": "2026-01-05T09:00:00.123Z",
    },
    "subscription": "projects/p/subscriptions/tasks",
    "deliveryAttempt": 3,
}


def parsed(**changes: Any) -> Any:
    message = {k: v for k, v in (WHOLE["message"] | changes).items() if v is not ...}
    return parse(json.dumps(WHOLE | {"message": message}).encode())


def test_everything_of_a_delivery_is_kept() -> None:
    delivery = parsed()
    assert (delivery.message_id, delivery.data, delivery.trace_id) == ("123", b"hello", "abc")
    assert (delivery.subscription, delivery.attempt) == ("tasks", 3)
    assert delivery.publish_time == datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(("data", "attributes"), [(..., {"a": "b"}), ("", {}), (None, None), (..., ...)])
def test_message_without_data_is_a_message(data: Any, attributes: Any) -> None:
    delivery = parsed(data=data, attributes=attributes)
    assert (delivery.data, dict(delivery.attributes)) == (b"", attributes if isinstance(attributes, dict) else {})


def test_envelope_of_the_emulator_has_no_attempt() -> None:
    delivery = parse(json.dumps({k: v for k, v in WHOLE.items() if k != "deliveryAttempt"}).encode())
    assert delivery.attempt is None


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("2026-01-05T09:00:00Z", 0), ("2026-01-05T09:00:00.5Z", 500_000), ("2026-01-05T09:00:00.000001+00:00", 1)],
)
def test_publish_time_has_any_number_of_digits(text: str, microsecond: int) -> None:
    assert parsed(publishTime=text).publish_time.microsecond == microsecond


def test_missing_publish_time_is_now() -> None:
    at = parsed(publishTime=..., publish_time=...).publish_time
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=60)


def test_delivery_does_not_show_its_data() -> None:
    assert "hello" not in repr(parsed())
    assert "trace_id" not in repr(parsed())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"{}",
        b'{"message": null}',
        b'{"message": []}',
        b'{"message": {}}',
        b"\xff",
        b'{"message": {"data": "aGk="}}',
        b'{"message": {"messageId": 7}}',
        b'{"message": {"messageId": "1", "data": "%%%"}}',
        b'{"message": {"messageId": "1", "data": {"a": 1}}}',
        b'{"message": {"messageId": "1", "attributes": ["a"]}}',
        b'{"message": {"messageId": "1", "attributes": {"a": 1}}}',
        b'{"message": {"messageId": "1", "publishTime": "yesterday"}}',
        b'{"message": {"messageId": "1"}, "subscription": 7}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_no_envelope(body: bytes) -> None:
    with pytest.raises(BadRequest) as error:
        parse(body)
    assert error.value.code == "invalid_envelope"


@pytest.mark.parametrize("attempt", ["3", None, 2.5, [3]])
def test_odd_delivery_attempt_is_unknown_and_does_no_harm(attempt: Any) -> None:
    assert parse(json.dumps(WHOLE | {"deliveryAttempt": attempt}).encode()).attempt is None
