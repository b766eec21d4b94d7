"""A Starlette request in, the parts of it that intake looks at out; the body is read on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request

from shared.errors import MethodNotAllowed, Retry, UnsupportedMediaType
from shared.serving.entry import read_body, trace_id
from shared.task.schemas import MAX_PAYLOAD_BYTES

READ_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """One request. `headers` has lower-case names; `read` returns the raw body once."""

    method: str
    path: str
    headers: Mapping[str, str]
    received_at: datetime
    trace_id: str
    read: Callable[[], Awaitable[bytes]]

    def must_be(self, *methods: str) -> None:
        """Raise MethodNotAllowed unless the method is one of these."""
        if self.method not in methods:
            raise MethodNotAllowed(f"use {' or '.join(methods)}")

    def media(self, taken: Collection[str]) -> str:
        """Return the body's declared media type, which is one of `taken`, in UTF-8.

        Raises:
            UnsupportedMediaType: it is another one, or in another charset.
        """
        media, *parameters = (part.strip().lower() for part in self.headers.get("content-type", "").split(";"))
        charsets = {p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")}
        if media not in taken or not charsets <= {"utf-8", "utf8"}:
            raise UnsupportedMediaType(f"send Content-Type: {' or '.join(taken)}, in UTF-8", field="content-type")
        return media


def incoming(request: Request, limit: int) -> IncomingRequest:
    """Return what arrived, without reading its body yet; of that at most `limit` bytes will be read."""

    return IncomingRequest(
        method=request.method,
        path=request.scope["path"],  # request.url would trust the Host header
        headers=dict(request.headers),
        received_at=datetime.now(UTC),
        trace_id=trace_id(request),
        read=partial(_read, request, limit),
    )


async def _read(request: Request, limit: int) -> bytes:
    """Return the body. Nobody is verified yet, and whoever sends a large one slowly holds a place of the few."""
    if limit <= MAX_PAYLOAD_BYTES:
        return await read_body(request, limit)
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await read_body(request, limit)
    except TimeoutError:
        raise Retry(f"the body did not arrive within {READ_TIMEOUT_S:g} s; send it again", code="slow_body") from None
