"""One POST to a chat. The URL is a secret, in path and query: nothing but its template can come into an error."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from shared.intent.outcomes import HandlerOutcome, LockedOut, Permanent
from shared.wiring.composition import Ports
from shared.wiring.outbound import Outbound

SEND_WITHIN_S = 20.0


def is_refused(error: HandlerOutcome) -> bool:
    """Whether whoever keeps the address takes nothing from us there, now or later; or has moved elsewhere."""
    return isinstance(error, Permanent | LockedOut) or error.code.startswith("provider_3")


async def post(ports: Ports, url: str, message: dict[str, Any]) -> None:
    """Send one message.

    Raises:
        HandlerOutcome: it was not sent, or nobody knows.
    """
    parts = urlsplit(url)
    folder, _, last = parts.path.rpartition("/")
    http = Outbound(
        urlunsplit((parts.scheme, parts.netloc, folder, "", "")),
        name="webhook",
        allow_private=ports.settings.local,
        max_in_flight=2,
        deadline=asyncio.get_running_loop().time() + SEND_WITHIN_S,
        pool=ports.pool,
    )
    query = dict(parse_qsl(parts.query)) or None
    await http.call("POST", "/{webhook}", fill={"webhook": last}, params=query, json=message)
