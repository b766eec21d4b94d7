"""`python -m tests.memory.peak <function> <file> <count>`: what a function's process grows by, at most, in MiB.

The file holds the body of a request; `count` of them are under way at once, so that all bodies are there before the
first is parsed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from starlette.types import ASGIApp, Message

from infra.document_event import approval_event
from infra.embedded.functions import call, load_apps
from infra.manifest import build
from shared.event.signatures import sign
from shared.wiring import composition
from tests.scripted import MemoryPublisher
from tests.world import ORDER_STATUS, REGISTRY, World

PIECE_BYTES = 64 * 1024
SMALL = b'{"message": {"messageId": "0", "data": "e30="}, "subscription": "s"}'


class FarPublisher(MemoryPublisher):
    """Lets others run before it acknowledges, as any bus does."""

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        await asyncio.sleep(0)
        return await super().publish(topic, data, attributes)


def peak_mib() -> float:
    """Return the most memory that this program ever held; `ru_maxrss` would count the program that started it, too."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


async def main(name: str, file: Path, count: int) -> None:
    """Send a small request first, so that everything is imported, then the large ones."""
    ports = World(ORDER_STATUS[1]).ports
    ports.publisher = FarPublisher()
    composition.install(ports)
    function = build(REGISTRY).function(name)
    [app] = load_apps([function]).values()
    headers, small = {"content-type": "application/json"}, SMALL
    if function.trigger == "document":
        headers, small = approval_event("p", "t1", {"status": "approved"}, "2026-01-05T09:00:00Z", "ops@example.com")
    path = "/"
    if function.trigger == "http":
        path, secret = "/hooks/crm", b"a-secret-of-the-source-0123456789"
        os.environ["CRM_WEBHOOK_SECRET"] = secret.decode()
        headers |= sign("generic", b"".join(_pieces(file)), secret, datetime.now(UTC))
    await call(app, headers, small)
    before = peak_mib()
    statuses = await asyncio.gather(*(_post(app, path, headers, file) for _ in range(count)))
    print(json.dumps({"statuses": statuses, "grew_mib": peak_mib() - before, "peak_mib": peak_mib()}))


async def _post(app: ASGIApp, path: str, headers: Mapping[str, str], file: Path) -> int:
    """POST the file as a network brings it, a piece at a time, and return the status."""
    status, pieces = 0, _pieces(file)

    async def receive() -> Message:
        await asyncio.sleep(0)  # the others' pieces come in between
        piece = next(pieces, b"")
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    url = {"path": path, "raw_path": path.encode(), "query_string": b""}
    scope = {"type": "http", "method": "POST", **url, "headers": raw}
    await app(scope, receive, send)
    return status


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb", buffering=0) as source:
        while piece := source.read(PIECE_BYTES):
            yield piece


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
