"""A machine whose clock tests set: nobody touches the real one."""

from __future__ import annotations

from infra.embedded import clock
from infra.embedded.clock import SECOND_US, Clock

DAY_S = 86_400.0


class Machine:
    """Both clocks run as the real ones do; beside that time passes, and the wall clock steps, by what tests say."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self._passed_us = 0
        self._shift_us = round(ahead_s * SECOND_US)

    def pass_time(self, seconds: float) -> None:
        """Let time go by on both clocks."""
        self._passed_us += round(seconds * SECOND_US)

    def step(self, seconds: float) -> None:
        """Set the wall clock ahead, or back."""
        self._shift_us += round(seconds * SECOND_US)

    def wall_us(self) -> int:
        """See `Clock`."""
        return clock.wall_us() + self._passed_us + self._shift_us

    def elapsed_us(self) -> int:
        """See `Clock`."""
        return clock.elapsed_us() + self._passed_us

    def boot(self) -> Clock:
        """Return the clock of a process that starts now."""
        return Clock(self.wall_us, self.elapsed_us)
