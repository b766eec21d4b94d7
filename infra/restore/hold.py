"""The switch of every intent, turned off in a database that no function uses yet; and on again, one by one."""

from __future__ import annotations

from collections.abc import Iterable

from shared.records.switches import switch_path
from shared.wiring.ports import Store, Write

BY = "restore"


async def hold(store: Store, intents: Iterable[str]) -> None:
    """Let nothing run: what had not ended by the time of the snapshot may have happened since.

    Raises:
        StoreUnavailable, Conflict: not all are off.
    """
    await _set(store, intents, enabled=False)


async def release(store: Store, intents: Iterable[str]) -> None:
    """Let these intents run again.

    Raises:
        StoreUnavailable, Conflict: not all are on.
    """
    await _set(store, intents, enabled=True)


async def _set(store: Store, intents: Iterable[str], *, enabled: bool) -> None:
    for switch in await store.read(*map(switch_path, sorted(intents))):
        data = {**(switch.data or {}), "enabled": enabled, "by": BY}
        await store.commit(Write(switch.path, data, switch.version))
