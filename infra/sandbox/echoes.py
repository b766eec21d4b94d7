"""What the vendors tell of their effects: signed webhooks to whoever subscribed, as the vendors themselves send them.

Whoever acts on such an event without looking repeats the effect that it tells of.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx

from shared.event.signatures import sign

TIMEOUT_S = 5.0


class Echoes:
    """`POST /_webhooks` takes `[{"vendor", "url", "secret"}]`; `answers` holds what each event was answered."""

    def __init__(self) -> None:
        self._hooks: dict[str, tuple[str, bytes]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self.answers: list[dict[str, Any]] = []

    def subscribe(self, hooks: Iterable[dict[str, Any]]) -> None:
        """Send the events of vendors to these addresses from now on.

        Raises:
            KeyError: a hook lacks a member; nobody is subscribed.
        """
        self._hooks |= {h["vendor"]: (h["url"], h["secret"].encode()) for h in hooks}

    def of_refund(self, refund: dict[str, Any]) -> None:
        """Tell of a refund as Stripe does: the refund with the marks it was made with, and its charge as it stands."""
        charge = {
            "id": f"ch_{refund['payment_intent']}",
            "object": "charge",
            "amount_refunded": refund["amount"],
            "currency": refund["currency"],
            "description": f"Customer asks for a refund of {refund['amount'] / 100:.2f}, item arrived damaged",
            "metadata": {},
        }
        told = (
            ("refund.created", {"object": refund}),
            ("charge.refunded", {"object": charge, "previous_attributes": {"amount_refunded": 0}}),
        )
        for kind, data in told:
            event = {
                "id": f"evt_{kind}_{refund['id']}",
                "object": "event",
                "type": kind,
                "livemode": True,
                "data": data,
            }
            self._tell("stripe", kind, event)

    def of_message(self, channel: str, text: str) -> None:
        """Tell of a message as Slack does, to the app that posted it as well."""
        ts = f"{time.time():.6f}"
        message = {
            "type": "message",
            "channel": channel,
            "text": text,
            "ts": ts,
            "user": "U0SWITCHYARD",
            "bot_id": "B0",
        }
        self._tell("slack", "message", {"type": "event_callback", "team_id": "T0SANDBOX", "event": message})

    async def drain(self) -> None:
        """Wait until everything that was told is answered."""
        await asyncio.gather(*self._sending)

    def _tell(self, vendor: str, kind: str, event: dict[str, Any]) -> None:
        if vendor in self._hooks:
            task = asyncio.get_running_loop().create_task(self._send(vendor, kind, json.dumps(event).encode()))
            self._sending.add(task)  # the loop itself holds tasks only weakly
            task.add_done_callback(self._sending.discard)

    async def _send(self, vendor: str, kind: str, body: bytes) -> None:
        url, secret = self._hooks[vendor]
        headers = {"content-type": "application/json", **sign(vendor, body, secret, datetime.now(UTC))}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
                answer = await http.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            self.answers.append({"vendor": vendor, "kind": kind, "status": 0, "body": type(error).__name__})
        else:
            self.answers.append({"vendor": vendor, "kind": kind, "status": answer.status_code, "body": answer.text})
