"""Requests to functions, as Pub/Sub, Eventarc or Cloud Scheduler would send them: function and body in, status out."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from itertools import cycle

import httpx

# Gunicorn closes what was idle for 2 s: a request that crosses that on its way is lost, and comes again late.
KEEPALIVE_S = 1.0


class Calls:
    """One pool of connections per function. A function with several instances gets its requests in turn.

    `urls` says where each function's instances listen.
    """

    def __init__(self, urls: Mapping[str, Sequence[str]]) -> None:
        self._instances = {function: cycle(listening) for function, listening in urls.items()}
        # A pool of connections costs time in proportion to its size at every request, so each function has its own;
        # none speaks TLS, and sharing this empty context saves each client from loading certificates.
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=KEEPALIVE_S)
        self._clients = {f: httpx.AsyncClient(verify=no_tls, limits=limits, trust_env=False) for f in urls}

    async def post(self, function: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        """Send one request to the function's next instance and return the status.

        Raises:
            httpx.TransportError: no answer within `timeout_s` seconds, or no connection.
        """
        url = next(self._instances[function])
        answer = await self._clients[function].post(url, content=body, headers=dict(headers), timeout=timeout_s)
        return answer.status_code

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))
