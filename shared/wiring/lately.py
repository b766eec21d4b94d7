"""What an instance need not know to the second: read once in a while, and kept while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared.errors import StoreUnavailable

T = TypeVar("T")


class Lately(Generic[T]):
    """The last value of a read that costs something."""

    def __init__(self) -> None:
        self._read: list[T] = []  # none or one
        self._at_s = float("-inf")

    async def value(self, read: Callable[[], Awaitable[T]], kept_for_s: float) -> T:
        """Return what was read in the last `kept_for_s` seconds, or read it; what was known while the store is away.

        Raises:
            StoreUnavailable: nothing was ever known.
        """
        now_s = asyncio.get_running_loop().time()
        if self._read and 0 <= now_s - self._at_s < kept_for_s:
            return self._read[0]
        self._at_s = now_s  # others under way go on with what was known
        try:
            self._read = [await read()]
        except StoreUnavailable:
            if not self._read:
                raise
        return self._read[0]
