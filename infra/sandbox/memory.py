"""What changed the sandbox, request by request in a file; asked again at its next start, it forgets nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

TOLD_EVERY = 5_000  # requests: a second or two
KEPT_HEADERS = ("content-type", "idempotency-key")


class Memory:
    """Append-only; without a path nothing is kept. `recalling`: what is asked just now was done in an earlier life."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
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
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    async def recall(self, app: ASGIApp) -> None:
        """Ask for everything once more; prints how far it is where that takes long."""
        if self._path is None or not self._path.exists():
            return
        kept, _, cut = self._path.read_bytes().rpartition(b"\n")
        if cut:  # a crash came while it was written, so that nobody was answered
            self._path.write_bytes(kept + b"\n" if kept else b"")
        self.recalling = True
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox") as http:
            lines = kept.splitlines()
            for number, line in enumerate(map(json.loads, lines)):
                if number and number % TOLD_EVERY == 0:
                    print(f"remembers {number:,} of {len(lines):,} requests", flush=True)
                self.becomes = line["becomes"]
                body = base64.b64decode(line["body"])
                await http.request(line["method"], line["url"], headers=line["headers"], content=body)
        self.recalling, self.becomes = False, ""
