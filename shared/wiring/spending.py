"""How many tokens all instances together have used today, counted in one document with few writes.

An instance adds what it used every `LOOK_S` seconds at most, while it asks; meanwhile it goes by what it read last and
by its own calls, those under way among them. So beyond the cap goes at most what the other instances use in `LOOK_S`.
An instance that ends takes along what it has not added. The day is one of UTC, by the store's clock.
"""

from __future__ import annotations

import asyncio
import secrets

from shared.errors import CommitUnknown, Conflict, StoreUnavailable
from shared.logs import log
from shared.task.router import Spent
from shared.wiring.ports import ABSENT, Snapshot, Store, Write

PATH = "router/tokens"
LOOK_S = 10.0
ATTEMPTS = 5  # at a commit that another instance was faster than


class Spending:
    """The tokens of one day; `cap` is never 0."""

    def __init__(self, store: Store, cap: int, look_s: float = LOOK_S) -> None:
        self._store, self._cap, self._look_s = store, cap, look_s
        self._day, self._known = "", 0  # as read last
        self._own, self._under_way = 0, 0  # not added yet; taken to be needed by calls under way
        self._at_s = float("-inf")
        self._lock = asyncio.Lock()
        self._is_told = False  # that nothing more is spent this day

    async def reserve(self, tokens: int) -> bool:
        """Return whether a call of about so many tokens may begin; if so, `settle` has to be called for it."""
        if asyncio.get_running_loop().time() - self._at_s >= self._look_s and not (self._day and self._lock.locked()):
            async with self._lock:
                await self._look()
        if self._known + self._own + self._under_way + tokens > self._cap:
            if not self._is_told:
                used, outcome = self._known + self._own, "spend_cap_reached"
                log("ERROR", outcome, function="classify", outcome=outcome, count=used)
            self._is_told = True
            return False
        self._under_way += tokens
        return True

    def settle(self, tokens: int, used: int) -> None:
        """Count what a call used for which `tokens` were reserved."""
        self._under_way -= tokens
        self._own += used

    async def _look(self) -> None:
        """Add what was used here, and read what was used everywhere; without the store, go by what is known."""
        time = asyncio.get_running_loop().time
        if time() - self._at_s < self._look_s:
            return  # another one has just looked
        self._at_s = time()
        try:
            for _ in range(ATTEMPTS):
                if await self._added():
                    return
        except (StoreUnavailable, CommitUnknown) as error:  # counted again at the next look: too much rather than less
            log("WARNING", "spending_unknown", function="classify", outcome="spending_unknown", error_code=error.code)

    async def _added(self) -> bool:
        (snapshot,) = await self._store.read(PATH)
        spent, adding = _today(snapshot), self._own
        total = spent.tokens + adding
        if adding:
            after = Spent(day=spent.day, calls=spent.calls, tokens=total, last=secrets.token_hex(4))
            try:
                expected = snapshot.version if snapshot.data is not None else ABSENT
                await self._store.commit(Write(PATH, after.model_dump(), expected))
            except Conflict:
                return False
        self._is_told = self._is_told and spent.day == self._day
        self._day, self._known = spent.day, total
        self._own -= adding
        return True


def _today(snapshot: Snapshot) -> Spent:
    """Return what was used on the day of the store's time."""
    day = snapshot.read_time.date().isoformat()
    try:
        spent = Spent.model_validate(snapshot.data or {"day": day})
    except ValueError:  # by another hand: nothing more is spent than a day's cap
        return Spent(day=day)
    return spent if spent.day == day else Spent(day=day)
