"""The scheduler: it has the sweeper run at the ticks at which something is due, and leaves out the others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from functions.sweep.step import sweep
from shared.errors import Retry
from shared.task.moves import LONGEST_WAIT
from tests.simulation import noise
from tests.simulation.loop import Broken
from tests.store import BEGINNING

if TYPE_CHECKING:
    from tests.simulation.world import Run

SWEEP_EVERY_S = 60.0


class Scheduler:
    """Ticks once a minute, by the loop's clock."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ticks: set[float] = set()

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
        now, trouble = self._run.store.now, bool(self._run.clock.trouble())
        is_due = _is_due_in_doubt if trouble else _is_due
        for data in self._run.store.each("tasks"):
            if is_due(data, now):
                return True
        for data in self._run.store.each("approvals"):
            if data.get("outcome") is None and data.get("status") in ("approved", "rejected"):
                return True
        return False

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


def _is_due(data: dict[str, Any], now: datetime) -> bool:
    """Whether the sweeper has anything to do with a task."""
    at, expire_at = data.get("next_check_at"), data.get("expire_at")
    return (at is not None and at <= now) or (expire_at is not None and expire_at <= now)


def _is_due_in_doubt(data: dict[str, Any], now: datetime) -> bool:
    """The same while the clock is in doubt: nothing ends by it then."""
    at = data.get("next_check_at")
    if at is None or (data["state"] == "AWAITING_APPROVAL" and data["decision"]["reminded_at"]):
        return False
    return bool(at <= now or (data["state"] != "AWAITING_APPROVAL" and at > now + LONGEST_WAIT))
