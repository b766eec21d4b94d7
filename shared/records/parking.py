"""Parking a message that nobody can finish: its bytes, or their beginning, in `dead_letters`, where people see it."""

from __future__ import annotations

import base64

from shared.canonical import sha256_hex
from shared.errors import Conflict
from shared.serving.push import Delivery
from shared.task.letter import DeadLetter
from shared.topics import PARKED
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Write


async def park(
    ports: Ports, delivery: Delivery, *, reason: str, task_id: str | None, outcome: str, subscription: str = ""
) -> None:
    """Record `delivery` once, however often it comes; afterwards it may be acknowledged.

    Raises:
        StoreUnavailable: nothing was recorded; do not acknowledge.
    """
    subscription = subscription or delivery.subscription
    path = f"dead_letters/{sha256_hex(f'{subscription}|{delivery.message_id}'.encode())}"
    (snapshot,) = await ports.store.read(path)
    if snapshot.data is not None:
        return
    now, webhook = snapshot.read_time, delivery.attributes if PARKED in delivery.attributes else {}
    letter = DeadLetter(
        subscription=subscription,
        message_id=delivery.message_id,
        task_id=task_id,
        reason=reason,
        traceparent=delivery.traceparent,
        data=base64.b64encode(delivery.data).decode(),
        truncated=delivery.is_cut,
        source=webhook.get("source", ""),
        media=webhook.get("media", ""),
        outcome=outcome,
        created_at=now,
        expire_at=None,
    )
    try:
        await ports.store.commit(Write(path, letter.model_dump(), ABSENT))
    except Conflict:
        return  # the same message, delivered twice at once
