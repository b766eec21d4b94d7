"""The newest labels that kept their words, as a memory that one instance looks up anew every ten minutes."""

from __future__ import annotations

from shared.errors import StoreUnavailable
from shared.model.memory import MOST, Memory
from shared.wiring.lately import Lately
from shared.wiring.ports import Store

KEPT_FOR_S = 600.0


class Earlier:
    """What people decided, read when it is first asked for."""

    def __init__(self, store: Store, kept_for_s: float = KEPT_FOR_S) -> None:
        self._store, self._kept_for_s = store, kept_for_s
        self._lately = Lately[Memory]()

    async def memory(self) -> Memory:
        """Return the memory; where the store is away, the one of before."""
        try:
            return await self._lately.value(self._read, self._kept_for_s)
        except StoreUnavailable:
            return Memory(())

    async def _read(self) -> Memory:
        rows = await self._store.query_rows("labels", ("text", "intent"), order_by="at", descending=True, limit=MOST)
        told = [(row.data.get("text"), row.data.get("intent")) for row in rows]
        return Memory((text, intent) for text, intent in told if text and intent)
