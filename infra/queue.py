"""The pulling side of the bus: what the local relay needs. In the cloud Pub/Sub pushes by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one message. `attempt` is best effort, as in Pub/Sub; `token` is the adapter's own."""

    subscription: str
    message_id: str
    data: bytes = field(repr=False)
    attributes: Mapping[str, str] = field(repr=False)
    publish_time: datetime
    attempt: int | None
    token: Any = field(repr=False, default=None)


class Queue(Protocol):
    """Subscriptions, at least once: a delivery neither acknowledged nor refused in time comes again, after backoff,
    and after the subscription's number of attempts goes to its dead-letter topic."""

    async def pull(self, subscription: str, max_messages: int, wait_s: float) -> list[Delivery]:
        """Return up to `max_messages`; wait up to `wait_s` seconds for the first one, then return none."""

    async def ack(self, delivery: Delivery) -> None:
        """Never deliver this again (best effort, as in Pub/Sub)."""

    async def nack(self, delivery: Delivery) -> None:
        """Deliver this again after its backoff, or dead-letter it after its last attempt."""

    async def close(self) -> None:
        """Release connections; what is out comes again after its deadline."""
