"""The Pub/Sub push envelope: bytes of a request in, one `Delivery` out. Pure.

functions-framework's own parsing drops the subscription and the delivery attempt and refuses messages without data.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import BadRequest, TooLarge
from shared.tracing import MESSAGE_CONTEXT, trace_id_of

MAX_ENVELOPE_BYTES = 15 * 1024 * 1024  # Pub/Sub's 10 MB message limit, as base64, with room for attributes
MAX_ATTRIBUTE_CHARS = 1024  # Pub/Sub's own limit
# The one bound of what is parsed: as a tree, small objects need some fifty times their bytes. No task comes near it (a
# payload of 256 KiB as canonical JSON, a third more in another spelling of numbers, and 16 KiB of labels), and it is
# what a document can keep of a message: 960 KiB as base64, where Firestore takes 1 MiB.
MAX_DATA_BYTES = 720 * 1024
_MAX_DATA_CHARS = MAX_DATA_BYTES // 3 * 4
# 100 attributes of 1,280 bytes hold fewer: with more, the envelope itself would be a tree of many small objects.
_MAX_SEPARATORS = 256 * 1024

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one message. `attempt` is best effort: log it, never branch on it.

    `is_cut`: the message is over `MAX_DATA_BYTES`, and `data` is that much of its beginning.
    """

    message_id: str
    data: bytes = field(repr=False)
    attributes: Mapping[str, str] = field(repr=False)
    publish_time: datetime
    subscription: str
    attempt: int | None
    is_cut: bool = False

    def whole(self) -> bytes:
        """Return the data of a message that may be parsed.

        Raises:
            TooLarge: it may not; the message can only be parked.
        """
        if self.is_cut:
            raise TooLarge(f"the message is over {MAX_DATA_BYTES} bytes")
        return self.data

    def read_as(self, model: type[M], code: str) -> M:
        """Return the message as a `model`.

        Raises:
            BadRequest: `too_large`, or `code` if it is none.
        """
        data = self.whole()
        with contextlib.suppress(ValidationError):
            return model.model_validate_json(data)
        # Not within a handler: this error may be held for long, and would hold the other one and what was parsed.
        raise BadRequest("the message is not what its topic carries", code=code)

    @property
    def trace_id(self) -> str:
        """The trace this message belongs to, or an empty string."""
        return trace_id_of(self.traceparent) or self.attributes.get("trace_id", "")

    @property
    def traceparent(self) -> str:
        """The span that published it, as W3C and google-cloud-pubsub write it, or an empty string."""
        return self.attributes.get(MESSAGE_CONTEXT, "")


def delivered(
    message_id: str,
    data: bytes,
    attributes: Mapping[str, str],
    publish_time: datetime,
    subscription: str,
    attempt: int | None,
) -> Delivery:
    """Return the delivery of a message that came without an envelope, as `parse` would make it of one.

    Raises:
        BadRequest: `invalid_envelope`, as there.
    """
    try:
        labels = {_text(name): _text(value) for name, value in attributes.items()}
    except (ValueError, TypeError):
        raise BadRequest("no envelope could hold the message's attributes", code="invalid_envelope") from None
    is_cut = len(data) > MAX_DATA_BYTES
    whole = data[:MAX_DATA_BYTES] if is_cut else data
    return Delivery(message_id, whole, labels, publish_time, subscription, attempt, is_cut)


def parse(body: bytes) -> Delivery:
    """Return the delivery in a push request's body; attribute-only messages have empty data.

    Of a message over `MAX_DATA_BYTES` only the beginning is decoded.

    Raises:
        BadRequest: `invalid_envelope`; only Pub/Sub may call, so this is a wiring mistake, answered with 400.
    """
    try:
        if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_SEPARATORS:
            raise ValueError
        envelope = json.loads(body)
        message = envelope["message"]
        data = message.get("data") or ""
        return Delivery(
            message_id=_text(message.get("messageId") or message["message_id"]),
            data=base64.b64decode(data[:_MAX_DATA_CHARS], validate=True),
            attributes={_text(k): _text(v) for k, v in (message.get("attributes") or {}).items()},
            publish_time=_time(message.get("publishTime") or message.get("publish_time")),
            subscription=_text(envelope.get("subscription") or "").rpartition("/")[2],
            attempt=_attempt(envelope.get("deliveryAttempt")),
            is_cut=len(data) > _MAX_DATA_CHARS,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise BadRequest("the body is not a Pub/Sub push envelope", code="invalid_envelope") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    if len(value) > MAX_ATTRIBUTE_CHARS:
        raise ValueError
    value.encode()  # no store takes a lone surrogate
    return value


def _attempt(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _time(value: Any) -> datetime:
    """Parse RFC 3339, nanoseconds cut to microseconds; a missing time is now, so that no budget is over at once."""
    if value is None:
        return datetime.now(UTC)
    text = _text(value).removesuffix("Z").removesuffix("+00:00")
    seconds, _, fraction = text.partition(".")
    return datetime.fromisoformat(f"{seconds}.{(fraction + '000000')[:6]}+00:00")
