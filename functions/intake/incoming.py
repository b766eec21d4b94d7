"""A Starlette request in, the parts of it that intake looks at out; the body is read on demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request

from shared.errors import MethodNotAllowed, UnsupportedMediaType
from shared.serving.entry import read_body, trace_id
from shared.task.schemas import MAX_PAYLOAD_BYTES


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """One request. `headers` has lower-case names; `read` returns the raw body once, at most 256 KiB of it."""

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

    def must_be_json(self) -> None:
        """Raise UnsupportedMediaType unless the body is declared as `application/json`, in UTF-8."""
        media, *parameters = (part.strip().lower() for part in self.headers.get("content-type", "").split(";"))
        charsets = {p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")}
        if media != "application/json" or not charsets <= {"utf-8", "utf8"}:
            raise UnsupportedMediaType("send Content-Type: application/json, in UTF-8", field="content-type")


def incoming(request: Request) -> IncomingRequest:
    """Return what arrived, without reading its body yet."""

    return IncomingRequest(
        method=request.method,
        path=request.scope["path"],  # request.url would trust the Host header
        headers=dict(request.headers),
        received_at=datetime.now(UTC),
        trace_id=trace_id(request),
        read=partial(read_body, request, MAX_PAYLOAD_BYTES),
    )
