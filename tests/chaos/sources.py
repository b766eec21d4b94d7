"""Source systems: each sends its event at its time, again and again under one identity, until it is told 2xx."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from shared.errors import PublishFailed
from shared.topics import EVENTS
from tests.chaos.events import Event
from tests.chaos.ground import Ground

ANSWER_TIMEOUT_S = 5.0
LONGEST_PAUSE_S = 3.0


@dataclass
class Sources:
    """`accepted` holds the task ids each event was accepted as (by its number), `refused` what should not be said."""

    ground: Ground
    dice: random.Random
    accepted: dict[int, set[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    sendings: int = 0

    async def send_all(self, events: Sequence[Event]) -> None:
        """Return when every copy of every event was accepted."""
        limits = httpx.Limits(max_keepalive_connections=0)  # every sending may meet another instance
        async with (
            httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, limits=limits, trust_env=False) as http,
            asyncio.TaskGroup() as sending,
        ):
            for event in events:
                sending.create_task(self._send(http, event))

    async def _send(self, http: httpx.AsyncClient, event: Event) -> None:
        await asyncio.sleep(event.at_s)
        await asyncio.gather(*(self._send_copy(http, event) for _ in range(event.copies)))

    async def _send_copy(self, http: httpx.AsyncClient, event: Event) -> None:
        pause_s = 0.2
        while True:
            self.sendings += 1
            task_id = await (self._publish(event) if event.route == "topic events" else self._post(http, event))
            if task_id is not None:
                self.accepted.setdefault(event.number, set()).add(task_id)
                return
            await asyncio.sleep(self.dice.uniform(pause_s / 2, pause_s))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _publish(self, event: Event) -> str | None:
        try:
            await self.ground.publisher.publish(EVENTS, event.body(), {})
        except PublishFailed:
            return None
        return f"chaos-{event.number}"

    async def _post(self, http: httpx.AsyncClient, event: Event) -> str | None:
        url = self.dice.choice(self.ground.intakes) + event.route
        try:
            answer = await http.post(url, content=event.body(), headers=event.headers())
        except httpx.TransportError:
            return None
        if answer.status_code == 202:
            return str(answer.json()["task_id"])
        if answer.status_code < 500:
            self.refused.append(f"intake answered {answer.status_code} to event {event.number}")
        return None
