"""The newest labels that kept their words, as a memory that one instance looks up anew every ten minutes."""

from __future__ import annotations

import asyncio

from shared.errors import StoreUnavailable
from shared.model.memory import MOST, Memory
from shared.wiring.ports import Store

KEPT_FOR_S = 600.0


class Earlier:
    """What people decided, read when it is first asked for."""

    def __init__(self, store: Store, kept_for_s: float = KEPT_FOR_S) -> None:
        self._store, self._kept_for_s = store, kept_for_s
        self._memory = Memory(())
        self._read_at_s = float("-inf")

    async def memory(self) -> Memory:
        """Return the memory; where the store is away, the one of before."""
        now_s = asyncio.get_running_loop().time()
        if not 0 <= now_s - self._read_at_s < self._kept_for_s:
            self._read_at_s = now_s
            try:
                rows = await self._store.query_rows(
                    "labels", ("text", "intent"), order_by="at", descending=True, limit=MOST
                )
            except StoreUnavailable:
                return self._memory
            told = [(row.data.get("text"), row.data.get("intent")) for row in rows]
            self._memory = Memory((text, intent) for text, intent in told if text and intent)
        return self._memory
