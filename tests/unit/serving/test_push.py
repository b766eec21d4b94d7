"""The push envelope, as Pub/Sub, its emulator and the embedded bus send it, and as nobody should."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import BadRequest, TooLarge
from shared.serving.push import MAX_DATA_BYTES, MAX_ENVELOPE_BYTES, Delivery, delivered, parse
from shared.task.letter import DeadLetter
from shared.task.schemas import MAX_METADATA_BYTES, MAX_PAYLOAD_BYTES, AutomationTask, TaskReady

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


def of_size(size: int) -> Delivery:
    data = b"\xff" * (size - 1) + b"!"
    return parse(json.dumps({"message": {"messageId": "1", "data": base64.b64encode(data).decode()}}).encode())


@pytest.mark.parametrize("size", [1, MAX_DATA_BYTES - 1, MAX_DATA_BYTES])
def test_message_up_to_the_bound_is_whole(size: int) -> None:
    delivery = of_size(size)
    assert (len(delivery.whole()), delivery.data[-1:], delivery.is_cut) == (size, b"!", False)


@pytest.mark.parametrize("size", [MAX_DATA_BYTES + 1, MAX_DATA_BYTES + 2, MAX_DATA_BYTES + 3, 10_000_000])
def test_of_a_message_over_the_bound_the_beginning_is_kept_and_nothing_is_parsed(size: int) -> None:
    delivery = of_size(size)
    assert delivery.data == b"\xff" * MAX_DATA_BYTES
    for read in (delivery.whole, lambda: delivery.read_as(TaskReady, "invalid_message")):
        with pytest.raises(TooLarge) as error:
            read()
        assert error.value.code == "too_large"


def test_message_that_is_another_has_the_code_of_its_topic_and_its_error_holds_nothing() -> None:
    with pytest.raises(BadRequest) as error:
        parsed().read_as(TaskReady, "invalid_message")
    assert (error.value.code, error.value.__context__, error.value.__cause__) == ("invalid_message", None, None)


def test_largest_message_of_pubsub_is_an_envelope_whatever_its_attributes() -> None:
    attributes = {f"{n:0256}": '"' * 1024 for n in range(50)} | {f"{n:0256}": ",[{" * 341 for n in range(50, 100)}
    message = {"messageId": "1", "data": base64.b64encode(b"x" * 9_800_000).decode(), "attributes": attributes}
    body = json.dumps({"message": message, "subscription": "s"}).encode()
    assert len(body) < MAX_ENVELOPE_BYTES
    assert parse(body).attributes == attributes


def test_no_task_that_is_taken_comes_near_the_bound() -> None:
    """The wordiest number, in Pydantic's spelling against Python's, and keys that are escaped in both."""
    payload = {"numbers": [1e-05] * (MAX_PAYLOAD_BYTES // 6 - 4)}
    metadata = {f"{n:0100}": "\x01" for n in range(MAX_METADATA_BYTES // 120)}
    task = AutomationTask(task_id="a" * 128, source="b" * 63, raw_payload=payload, metadata=metadata)
    sent = task.model_dump_json()
    assert MAX_PAYLOAD_BYTES * 1.3 < len(sent) < MAX_DATA_BYTES / 1.9


def test_what_is_kept_of_a_message_fits_into_a_document() -> None:
    """Firestore takes 1 MiB."""
    data = base64.b64encode(of_size(10_000_000).data).decode()
    at = datetime(2026, 1, 5, tzinfo=UTC)
    letter = DeadLetter(
        subscription="s" * 255,
        message_id="m" * 1024,
        task_id="t" * 128,
        reason="r",
        data=data,
        outcome="o",
        created_at=at,
        expire_at=at,
    )
    assert len(letter.model_dump_json()) < 1024 * 1024 - 32 * 1024


@pytest.mark.parametrize(
    ("data", "attributes"),
    [(b"hello", {"trace_id": "abc"}), (b"", {}), (b"x" * (MAX_DATA_BYTES + 1), {}), (b"", {"k": "v" * 1025})],
    ids=["small", "empty", "over the limit", "long attribute"],
)
def test_delivery_without_an_envelope_is_what_the_envelope_would_make_of_it(
    data: bytes, attributes: dict[str, str]
) -> None:
    at = datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)

    def of_envelope() -> Delivery:
        made: Delivery = parsed(data=base64.b64encode(data).decode(), attributes=attributes)
        return made

    def without() -> Delivery:
        return delivered("123", data, attributes, at, "tasks", 3)

    if attributes and len(str(attributes)) > 1024:
        for made in (of_envelope, without):
            with pytest.raises(BadRequest, match="envelope"):
                made()
    else:
        assert without() == of_envelope()


@pytest.mark.parametrize("more", [{}, {"trace_id": "its own"}])
def test_a_publisher_that_traces_names_the_trace_by_its_span(more: dict[str, str]) -> None:
    span = f"00-{'ab' * 16}-{'cd' * 8}-01"
    message = {"messageId": "1", "data": "", "attributes": {"googclient_traceparent": span} | more}
    delivery = parse(json.dumps({"message": message}).encode())
    assert (delivery.traceparent, delivery.trace_id) == (span, "ab" * 16)
