"""The clock of the stack's file, looked at at the start and every minute: a step is said aloud and remembered."""

from __future__ import annotations

from infra.embedded.bus import EmbeddedQueue
from infra.embedded.clock import SECOND_US, TRUSTED_AFTER_US
from infra.embedded.database import Database, Transaction
from shared.logs import Severity, log

LOOK_EVERY_S = 60.0


class ClockWatch:
    """What is known of the clock outlives the process in table `clock_watch`."""

    def __init__(self, database: Database, queue: EmbeddedQueue) -> None:
        self._database, self._clock, self._queue = database, database.clock, queue

    async def begin(self) -> None:
        """Compare the clock with what the process before has seen; its messages must not wait for a time long gone."""
        found = self._database.read("SELECT time_us, plausible_us FROM clock_watch")
        [(last_tick,)] = self._database.read("SELECT last_us FROM clock")
        last_us, plausible_us = found[0] if found else (last_tick, TRUSTED_AFTER_US)
        step_us = self._clock.resume(last_us, plausible_us) if last_us else 0  # the file is new
        # Ahead, the machine may just have been off.
        await self._seen(step_us, "ERROR" if step_us < 0 else "WARNING")

    async def look(self) -> None:
        """Compare the clock with how much time has passed."""
        await self._seen(self._clock.look(), "ERROR")

    async def _seen(self, step_us: int, severity: Severity) -> None:
        if step_us:
            log(
                severity,
                "this machine's clock stepped; nothing is deleted or expires until it has been plausible for a day",
                function="clock",
                outcome="clock_stepped",
                operation="ahead" if step_us > 0 else "back",
                step_s=round(abs(step_us) / SECOND_US),
            )
        await self._queue.pull_forward()
        state = (self._clock.now_us(), self._clock.plausible_us)

        def write(transaction: Transaction) -> None:
            transaction.execute("DELETE FROM clock_watch")
            transaction.execute("INSERT INTO clock_watch VALUES (?, ?)", state)

        await self._database.write(write, durable=bool(step_us))
