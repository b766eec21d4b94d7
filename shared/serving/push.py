"""The Pub/Sub push envelope: bytes of a request in, one `Delivery` out. Pure.

functions-framework's own parsing drops the subscription and the delivery attempt and refuses messages without data.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.errors import BadRequest

MAX_ENVELOPE_BYTES = 15 * 1024 * 1024  # Pub/Sub's 10 MB message limit, as base64, with room for attributes
MAX_ATTRIBUTE_CHARS = 1024  # Pub/Sub's own limit


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one message. `attempt` is best effort: log it, never branch on it."""

    message_id: str
    data: bytes = field(repr=False)
    attributes: Mapping[str, str] = field(repr=False)
    publish_time: datetime
    subscription: str
    attempt: int | None

    @property
    def trace_id(self) -> str:
        """The trace this message belongs to, or an empty string."""
        return self.attributes.get("trace_id", "")


def parse(body: bytes) -> Delivery:
    """Return the delivery in a push request's body; attribute-only messages have empty data.

    Raises:
        BadRequest: `invalid_envelope`; only Pub/Sub may call, so this is a wiring mistake, answered with 400.
    """
    try:
        envelope = json.loads(body)
        message = envelope["message"]
        return Delivery(
            message_id=_text(message.get("messageId") or message["message_id"]),
            data=base64.b64decode(message.get("data") or "", validate=True),
            attributes={_text(k): _text(v) for k, v in (message.get("attributes") or {}).items()},
            publish_time=_time(message.get("publishTime") or message.get("publish_time")),
            subscription=_text(envelope.get("subscription") or "").rpartition("/")[2],
            attempt=_attempt(envelope.get("deliveryAttempt")),
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
