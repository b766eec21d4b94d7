"""Time that goes wrong, and time that passes: clocks that step, tasks that are removed, erased, and asked for again.

Drawn apart from the weather: a seed keeps the weather that it had before there was any of this.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from infra.embedded.clock import Clock
from tests.simulation.faults import HOUR_S, Weather
from tests.store import BEGINNING

if TYPE_CHECKING:
    from tests.simulation.world import Run

DAY_S = 24 * HOUR_S
LOOK_EVERY_S = 60.0
BEGINNING_US = round(BEGINNING.timestamp()) * 1_000_000
SALT = "aging7"  # leaves the seeds that once failed as they were
STEPS_S = (100 * DAY_S, 100 * DAY_S, 9 * DAY_S, HOUR_S, -HOUR_S, -9 * DAY_S)


@dataclass(frozen=True)
class Aging:
    """One run's circumstances of time."""

    kept_s: float  # how long an ended task is kept
    erased: float  # the chance that somebody wants a task erased, whatever it is doing
    step_s: float  # of the store's clock; 0: it never steps
    stepped_at_s: float
    right_at_s: float  # when it is put right
    followed_after_s: float  # how long a clock that stepped has to hold: shorter than it really is, so that work is on

    @property
    def steps(self) -> bool:
        """Whether the clock steps at all."""
        return self.step_s != 0.0


def draw(seed: int, weather: Weather) -> Aging:
    """Return what time does in a run."""
    rng = random.Random(f"{SALT} {seed}")
    soon = rng.random() < 0.3
    at_s = rng.uniform(5, 200)
    return Aging(
        kept_s=rng.choice((30.0, 600.0, HOUR_S)) if soon else 8 * DAY_S,
        erased=0.3 if rng.random() < 0.1 else 0.0,
        step_s=rng.choice(STEPS_S) if weather.night_s is None and rng.random() < 0.15 else 0.0,
        stepped_at_s=at_s,
        right_at_s=at_s + rng.choice((70.0, 400.0, 2 * HOUR_S, 8 * HOUR_S)),
        followed_after_s=rng.choice((60.0, 60.0, 600.0, HOUR_S)),
    )


class SteppingClock:
    """The store's clock on a machine whose clock steps and is put right: the embedded backend's own, on these hands."""

    def __init__(self, run: Run) -> None:
        self._run, self._aging = run, run.aging
        followed_us = round(self._aging.followed_after_s * 1_000_000)
        self._clock = Clock(self._wall_us, self._elapsed_us, adopted_after_us=followed_us)
        self.jumped_at_s = -DAY_S  # when the time itself last did what the wall clock did
        if self._aging.steps:
            run.later(LOOK_EVERY_S, self._look)

    def now(self) -> datetime:
        """Return the store's time."""
        return self._clock.now()

    def trouble(self) -> str:
        """Why nothing may be final."""
        return self._clock.trouble

    def _look(self) -> None:
        run, before_us = self._run, self._clock.now_us()
        if self._clock.look():
            run.note("the clock steps: {}", self._clock.trouble)
        if abs(self._clock.now_us() - before_us) > 1_000_000:
            self.jumped_at_s = run.loop.time()
            run.note("the time is {} now", self._clock.now())
        run.scheduler.tick()
        trusted = run.loop.time() > run.ends_at_s + 2 * DAY_S  # what happens from then on is old
        run.later(6 * HOUR_S if trusted else LOOK_EVERY_S, self._look)

    def _elapsed_us(self) -> int:
        return round(self._run.loop.time() * 1_000_000)

    def _wall_us(self) -> int:
        aging = self._aging
        wrong = aging.stepped_at_s <= self._run.loop.time() < aging.right_at_s
        shift_s = aging.step_s if wrong else 0.0
        return BEGINNING_US + round((self._run.loop.time() + shift_s) * 1_000_000)


def replay(run: Run) -> None:
    """Publish everything that was ever said once more, as somebody can who recorded signed requests."""
    run.note("everything is said once more")
    for topic, body in run.said:
        run.bus.put(topic, body, {})
