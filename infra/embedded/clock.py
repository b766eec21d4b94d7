"""This machine's clock in; a time that does not jump with it, and whether it can be trusted with what is final, out.

Pure but for the two clocks that it is given. Firestore needs none of this: its time is Google's and does not step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from infra.embedded.encoding import from_us

SECOND_US = 1_000_000
# A time service moves a clock by milliseconds between two looks; every lease, pause and outbox is longer than a minute.
STEP_US = 60 * SECOND_US
# Whoever set a clock wrongly finds it out at the next poll, which time services do at least every 34 minutes.
ADOPTED_AFTER_US = 3600 * SECOND_US
# What is deleted stays deleted: within a day somebody has read the log or the health page.
TRUSTED_AFTER_US = 24 * 3600 * SECOND_US


def wall_us() -> int:
    """Return this machine's clock, in microseconds since 1970."""
    return time.time_ns() // 1000


def elapsed_us() -> int:
    """Return microseconds since some moment: a clock that nobody sets, and that goes on while the machine sleeps."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot)) // 1000


class Clock:
    """The wall clock, unless it stepped: then the time goes on as it did until the new one has held for an hour.

    Until it has been plausible for a day, `trouble` says so, and nothing may be deleted or expire.
    """

    def __init__(
        self,
        wall_us: Callable[[], int] = wall_us,
        elapsed_us: Callable[[], int] = elapsed_us,
        *,
        adopted_after_us: int = ADOPTED_AFTER_US,
    ) -> None:
        self._wall_us, self._elapsed_us, self._adopted_after_us = wall_us, elapsed_us, adopted_after_us
        self._looked_us = elapsed_us()
        self._offset_us = wall_us() - self._looked_us  # from what has elapsed to the time
        self._other: tuple[int, int] | None = None  # the offset since a step, and when that was found
        self._step_us = 0  # the last one
        self.plausible_us = TRUSTED_AFTER_US

    def now_us(self) -> int:
        """Return microseconds since 1970."""
        wall, steady = self._wall_us(), self._elapsed_us() + self._offset_us
        return wall if abs(wall - steady) <= STEP_US else steady

    def now(self) -> datetime:
        """Return the same moment, in UTC."""
        return from_us(self.now_us())

    @property
    def trouble(self) -> str:
        """Why nothing may be deleted or expire, in words; empty: the clock has been plausible for long enough."""
        if self.plausible_us >= TRUSTED_AFTER_US:
            return ""
        hours = (TRUSTED_AFTER_US - self.plausible_us) / 3600 / SECOND_US
        step_s = round(self._step_us / SECOND_US)
        step = f"this machine's clock stepped {abs(step_s)} s {'ahead' if step_s > 0 else 'back'}; " if step_s else ""
        return f"{step}nothing is deleted or expires before it has been plausible for {hours:.1f} hours more"

    def resume(self, last_us: int, plausible_us: int) -> int:
        """Go on after what was known when a process last looked; return by how many microseconds the clock stepped.

        The time is the wall clock's. How long nobody looked is not known, so less than a day ahead is no step.
        """
        self.plausible_us = plausible_us
        gap_us = self.now_us() - last_us
        return self._stepped(gap_us) if not -STEP_US <= gap_us <= TRUSTED_AFTER_US else 0

    def look(self) -> int:
        """Compare the clocks; return by how many microseconds the wall clock stepped since the last look, mostly 0."""
        elapsed = self._elapsed_us()
        offset, passed = self._wall_us() - elapsed, elapsed - self._looked_us
        self._looked_us = elapsed
        known, since = self._other or (self._offset_us, elapsed)
        if abs(offset - known) > STEP_US:
            self._other = None if abs(offset - self._offset_us) <= STEP_US else (offset, elapsed)
            return self._stepped(offset - known)
        if self._other is None or elapsed - since >= self._adopted_after_us:
            self._offset_us, self._other = offset, None
        self.plausible_us = min(self.plausible_us + passed, TRUSTED_AFTER_US)
        return 0

    def _stepped(self, by_us: int) -> int:
        self._step_us, self.plausible_us = by_us, 0
        return by_us
