"""The scheduler: it has the sweeper run at the ticks at which something is due, and leaves out the others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from functions.sweep.step import sweep
from shared.errors import Retry
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
        seconds = max((when - BEGINNING).total_seconds(), self._run.loop.time())
        tick = (seconds // SWEEP_EVERY_S + 1) * SWEEP_EVERY_S
        if tick not in self._ticks:
            self._ticks.add(tick)
            self._run.later(tick - self._run.loop.time(), self._tick, tick)

    def _tick(self, tick: float) -> None:
        self._ticks.discard(tick)
        night = self._run.weather.night_s
        if night and night[0] <= self._run.loop.time() < night[1]:
            self.look_at(BEGINNING + timedelta(seconds=night[1]))
            return
        if self._is_anything_due():
            self.look_at(self._run.store.now)
            for _ in range(2 if self._run.rng.random() < 0.1 else 1):  # sweeping twice at once must do no harm
                self._run.spawn(self._sweep())

    def _is_anything_due(self) -> bool:
        now = self._run.store.now
        tasks = (data["next_check_at"] for _, data in self._run.store.items("tasks"))
        approvals = (data for _, data in self._run.store.items("approvals"))
        return any(at is not None and at <= now for at in tasks) or any(
            a.get("outcome") is None and a.get("status") in ("approved", "rejected") for a in approvals
        )

    async def _sweep(self) -> None:
        try:
            outcome = await self._run.request("sweep", "scheduler", sweep)
        except (Retry, Broken):
            return
        except Exception as error:
            self._run.witness.fail("I0", f"sweep raises {error!r}", error)
            return
        if outcome.body and outcome.body.get("unreadable", 0) > noise.count(self._run.store):
            self._run.witness.fail("I0", "sweep could not handle a document")
