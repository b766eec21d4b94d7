"""How large a request may be: a request in, its limit in bytes out, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from shared.errors import Retry
from shared.serving.entry import announced_bytes
from shared.task.schemas import MAX_PAYLOAD_BYTES

# A Jira issue with some hundred comments, or a Zendesk mail told three times, has a megabyte or two. GitHub stops at
# 25 MB, but what it sends beyond a few is pushes and builds, which nobody wrote as a request.
MAX_WEBHOOK_BYTES = 4 * 1024 * 1024
# Parsing never awaits, so that one tree (some 60 times its bytes at worst, 240 MiB) is there at a time; what else a
# request holds is its body. 8 large ones beside 72 small ones are 50 MiB of an instance's 512.
LARGE_AT_ONCE = 8


class Room:
    """Places for large requests in one process."""

    def __init__(self, places: int = LARGE_AT_ONCE) -> None:
        self._free = places

    @contextmanager
    def limit(self, request: Request) -> Iterator[int]:
        """Yield how many bytes the body may have; whatever may be large holds a place until it is answered.

        Raises:
            Retry: `busy`: no place is free (503); the source sends it again.
        """
        announced = announced_bytes(request)
        if request.scope["path"] == "/" or (announced is not None and announced <= MAX_PAYLOAD_BYTES):
            yield MAX_PAYLOAD_BYTES
            return
        if not self._free:
            raise Retry("too many large events at once; send it again", code="busy", retry_after_s=2)
        self._free -= 1
        try:
            yield MAX_WEBHOOK_BYTES
        finally:
            self._free += 1
