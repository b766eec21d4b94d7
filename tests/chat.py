"""A chat's incoming webhooks on this machine, for tests of who is told what."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.wiring.lanes import POOL

HANGS = 0


@dataclass(frozen=True)
class Post:
    """One request that arrived."""

    target: str  # path and query, as on the line
    headers: str
    body: dict[str, Any]


@dataclass
class Chat:
    """Answers `statuses` in order, the last one for ever, `HANGS` not at all; keeps what it was told."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    headers: str = ""
    posts: list[Post] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        body = json.loads(await reader.readexactly(length))
        self.posts.append(Post(head.split(" ")[1], head.lower(), body))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == HANGS:
            await reader.read()  # until the caller goes away
        else:
            answer = f"HTTP/1.1 {status} X\r\n{self.headers}connection: close\r\ncontent-length: 2\r\n\r\nok"
            writer.write(answer.encode())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    def told(self, channel: str = "main") -> list[dict[str, Any]]:
        """Return the messages that came to `/services/{channel}`."""
        return [post.body for post in self.posts if post.target == f"/services/{channel}"]

    @property
    def said(self) -> str:
        """The last message's text for notifications."""
        return str(self.posts[-1].body["text"])


@asynccontextmanager
async def serving() -> AsyncIterator[Chat]:
    """Serve a chat."""
    chat = Chat()
    server = await asyncio.start_server(chat.serve, "127.0.0.1", 0)
    chat.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield chat
    finally:
        await POOL.close()
        server.close()
        await asyncio.wait_for(server.wait_closed(), 5)
