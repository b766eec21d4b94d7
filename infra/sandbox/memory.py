"""What the sandbox knows, in a file: what it knew at some time, and what has changed it since, request by request.

Known and asked again at its next start, it forgets nothing but what is older than the newest `KEPT` of each kind.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

from infra.sandbox import lines

KEPT = 20_000  # things of each kind: some 700 bytes for a refund and its key, read in a fraction of a second
REWRITE_AFTER = 2_000  # requests: to ask them again takes half a second
TOLD_EVERY = 5_000  # requests: a second or two
KEPT_HEADERS = ("content-type", "idempotency-key")

Thing = TypeVar("Thing")


class Part(Protocol):
    """A part of the sandbox that remembers something."""

    def known(self) -> Any:
        """Return what the part knows, as JSON."""

    def know(self, known: Any) -> None:
        """Know what `known` of an earlier life returned."""


class Memory:
    """Without a path nothing is kept. `recalling`: what is asked just now was done in an earlier life."""

    def __init__(self, path: Path | None = None) -> None:
        self.parts: Mapping[str, Part] = {}
        self._path = path
        self._since = 0  # requests that the file holds after what was known
        self.recalling = False
        self.becomes = ""  # the status that a fault gave to what is recalled

    def keep(self, request: Request, body: bytes, becomes: str = "") -> None:
        """Remember a request that changed something."""
        if self._path is None or self.recalling:
            return
        headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
        line = {
            "method": request.method,
            "url": f"{request.url.path}?{request.url.query}",
            "headers": headers,
            "body": base64.b64encode(body).decode(),
            "becomes": becomes,
        }
        lines.append(self._path, line)
        self._since += 1
        if self._since >= REWRITE_AFTER:
            self._rewrite(self._path)

    async def recall(self, app: ASGIApp) -> None:
        """Know what was known, and ask for everything since once more; prints how far it is where that takes long.

        Raises:
            StackError: the file is damaged.
        """
        if self._path is None:
            return
        kept = lines.read(self._path)
        if kept and "known" in kept[0]:
            for name, known in kept.pop(0)["known"].items():
                self.parts[name].know(known)
        await self._ask_again(app, kept)
        self._since = len(kept)
        if self._since >= REWRITE_AFTER:
            self._rewrite(self._path)

    async def _ask_again(self, app: ASGIApp, kept: list[Any]) -> None:
        self.recalling = True
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox") as http:
            for number, line in enumerate(kept):
                if number and number % TOLD_EVERY == 0:
                    print(f"remembers {number:,} of {len(kept):,} requests", flush=True)
                self.becomes = line["becomes"]
                body = base64.b64decode(line["body"])
                await http.request(line["method"], line["url"], headers=line["headers"], content=body)
        self.recalling, self.becomes = False, ""

    def _rewrite(self, path: Path) -> None:
        """Replace the file by what is known now."""
        lines.rewrite(path, [{"known": {name: part.known() for name, part in self.parts.items()}}])
        self._since = 0


def newest(things: Iterable[Thing]) -> list[Thing]:
    """Return the `KEPT` things that came last, in order."""
    return list(things)[-KEPT:]
