"""Events, sent to a running stack as their sources do: again after 503, which says that nothing was taken in time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

SENDINGS, PAUSE_S = 20, 0.5  # a busy machine is slow to publish


def sent(intake: str, event: Any) -> httpx.Response:
    """Return intake's answer to an event."""
    with httpx.Client(timeout=30, trust_env=False) as http:
        answer = http.post(intake, json=event)
        for _ in range(SENDINGS - 1):
            if answer.status_code != 503:
                break
            time.sleep(PAUSE_S)
            answer = http.post(intake, json=event)
    return answer


async def sent_by(http: httpx.AsyncClient, intake: str, event: Any, headers: Any = None) -> httpx.Response:
    """Return intake's answer to an event that this client sends."""
    answer = await http.post(intake, json=event, headers=headers)
    for _ in range(SENDINGS - 1):
        if answer.status_code != 503:
            break
        await asyncio.sleep(PAUSE_S)
        answer = await http.post(intake, json=event, headers=headers)
    return answer
