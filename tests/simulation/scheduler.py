"""The scheduler: it has the sweeper run at the ticks at which something is due, and leaves out the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from functions.sweep.step import sweep
from shared.errors import Retry
from shared.task.moves import LONGEST_WAIT
from tests.simulation import noise
from tests.simulation.loop import Broken
from tests.store import BEGINNING, MemoryStore

if TYPE_CHECKING:
    from tests.simulation.world import Run

SWEEP_EVERY_S = 60.0
NEVER = datetime.max.replace(tzinfo=UTC)


class Scheduler:
    """Ticks once a minute, by the loop's clock."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ticks: set[float] = set()
        # Nothing was due after so many writes, nor will anything be before this moment.
        self._idle = (-1, BEGINNING)

    def look_at(self, when: datetime) -> None:
        """Have the sweeper run at its first tick after `when`: ticks at which nothing is due are left out."""
        if self._run.aging.steps:  # what a moment is in seconds changes: the sweeper looks at every tick
            return
        seconds = max((when - BEGINNING).total_seconds(), self._run.loop.time())
        tick = (seconds // SWEEP_EVERY_S + 1) * SWEEP_EVERY_S
        if tick not in self._ticks:
            self._ticks.add(tick)
            self._run.later(tick - self._run.loop.time(), self._tick, tick)

    def tick(self) -> None:
        """Have the sweeper run now if anything is due."""
        if self._is_anything_due():
            self._run.spawn(self.sweep())

    def _tick(self, tick: float) -> None:
        self._ticks.discard(tick)
        night = self._run.weather.night_s
        if night and night[0] <= self._run.loop.time() < night[1]:
            self.look_at(BEGINNING + timedelta(seconds=night[1]))
            return
        if self._is_anything_due():
            self.look_at(self._run.store.now)
            for _ in range(2 if self._run.rng.random() < 0.1 else 1):  # sweeping twice at once must do no harm
                self._run.spawn(self.sweep())

    def _is_anything_due(self) -> bool:
        store, now = self._run.store, self._run.store.now
        if self._run.clock.trouble():
            return any(_is_due_in_doubt(data, now) for data in store.each("tasks")) or _is_decided(store)
        if self._idle[0] != store.writes:
            due_at = min((_due_at(data) for data in store.each("tasks")), default=NEVER)
            if due_at <= now or _is_decided(store):
                return True
            self._idle = (store.writes, due_at)
        return self._idle[1] <= now

    async def sweep(self) -> None:
        """Sweep once, whatever is due."""
        try:
            outcome = await self._run.request("sweep", "scheduler", sweep)
        except (Retry, Broken):
            return
        except Exception as error:
            self._run.witness.fail("I0", f"sweep raises {error!r}", error)
            return
        if outcome.body and outcome.body.get("unreadable", 0) > noise.count(self._run.store):
            self._run.witness.fail("I0", "sweep could not handle a document")


def _due_at(data: dict[str, Any]) -> datetime:
    """Return when the sweeper has anything to do with a task."""
    return min(data.get("next_check_at") or NEVER, data.get("expire_at") or NEVER)


def _is_decided(store: MemoryStore) -> bool:
    """Whether an approval waits for the sweeper, as its event was lost."""
    return any(
        data.get("outcome") is None and data.get("status") in ("approved", "rejected")
        for data in store.each("approvals")
    )


def _is_due_in_doubt(data: dict[str, Any], now: datetime) -> bool:
    """The same while the clock is in doubt: nothing ends by it then."""
    at = data.get("next_check_at")
    if at is None or (data["state"] == "AWAITING_APPROVAL" and data["decision"]["reminded_at"]):
        return False
    return bool(at <= now or (data["state"] != "AWAITING_APPROVAL" and at > now + LONGEST_WAIT))
