"""Google's public keys, which sign-ins are checked with: fetched once an hour, within our own time limit.

Google's library would fetch them for every token, wait two minutes for them, and take an outage for a wrong token.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from shared.errors import Retry

T = TypeVar("T")

FETCH_TIMEOUT_S = 3.0
CHECK_TIMEOUT_S = 6.0  # of a whole check: a reply that drips would outlast any limit between two bytes
KEPT_S = 3600.0  # Google publishes new keys hours ahead
KEPT_AT_LEAST_S = 60.0  # whoever sends ids of keys that nobody has makes us fetch no more often


class Certificates:
    """The keys of several addresses, for every thread of this process. `transport` makes Google's transport."""

    def __init__(self, transport: Callable[[], Any] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def for_token(self, token: str) -> Callable[..., Any]:
        """Return the transport that Google's library fetches with: it answers from here, unless the key of `token` is
        a new one. Blocks on the network.

        Raises, when it is called:
            Retry: `certificates_unavailable`, the keys could not be fetched.
        """
        return partial(self._answer, key_id=_key_id(token))

    def _answer(self, url: str, method: str = "GET", *, key_id: str, **_: Any) -> Any:
        with self._lock:  # those who come at once wait for one fetch
            fetched_at, response = self._kept.get(url, (-KEPT_S, None))
            age_s = self._clock() - fetched_at
            if response is None or age_s >= KEPT_S or (age_s >= KEPT_AT_LEAST_S and key_id not in _ids(response)):
                response = self._fetch(url, method)
                self._kept[url] = (self._clock(), response)
            return response

    def _fetch(self, url: str, method: str) -> Any:
        from google.auth.exceptions import TransportError
        from google.auth.transport.requests import Request

        try:
            response = (self._transport or Request)()(url, method=method, timeout=FETCH_TIMEOUT_S)
        except TransportError:
            response = None
        if response is None or response.status != 200 or not _ids(response):
            raise unavailable()
        return response


def unavailable() -> Retry:
    """Return the error of a sign-in that nobody can check now; whoever signed in cannot do anything about it."""
    return Retry(
        "Google's keys, which sign-ins are checked with, cannot be fetched now; try again in a minute",
        code="certificates_unavailable",
    )


async def checked(check: Callable[[], T], limit_s: float = CHECK_TIMEOUT_S) -> T:
    """Return what a check of a token returns, done beside the event loop.

    Raises:
        Retry: it takes too long; and what the check raises.
    """
    try:
        async with asyncio.timeout(limit_s):
            return await asyncio.to_thread(check)
    except TimeoutError:
        raise unavailable() from None


def _key_id(token: str) -> str:
    from google.auth import jwt

    try:
        return str(jwt.decode_header(token).get("kid", ""))
    except Exception:  # the check itself refuses it
        return ""


def _ids(response: Any) -> frozenset[str]:
    try:
        return frozenset(json.loads(response.data))
    except (ValueError, TypeError):
        return frozenset()


GOOGLE = Certificates()
