"""Signals to targets at seeded moments, and a count of them; afterwards everything that was stopped goes on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from signal import SIGCONT, SIGSTOP, Signals

from tests.chaos.ground import Target

SHORT_S = (0.2, 3.0)  # for the connections always: everybody waits for them
# How long a process stands still, with weights; the last one outlives every lease and needs a long run.
STILL_S = ((SHORT_S, 6.0), ((3.0, 20.0), 3.0), ((62.0, 65.0), 0.5))


@dataclass
class Blows:
    """`dealt` counts by kind of target and signal."""

    targets: Sequence[Target]
    dice: random.Random
    every_s: float
    dealt: Counter[tuple[str, str]] = field(default_factory=Counter)
    _waking: set[asyncio.Task[None]] = field(default_factory=set)

    async def deal(self, seconds: float) -> None:
        """Return after so many seconds; what stands still then stands still until `mend`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left_s := end - loop.time()) > 0:
            await asyncio.sleep(min(left_s, self.dice.expovariate(1 / self.every_s)))
            self._deal_one(seconds)

    def mend(self) -> None:
        """Let everything go on."""
        for task in self._waking:
            task.cancel()
        for target in self.targets:
            target.victim.signal(SIGCONT)

    def _deal_one(self, seconds: float) -> None:
        (target,) = self.dice.choices(self.targets, [t.weight for t in self.targets])
        (number,) = self.dice.choices(list(target.blows), list(target.blows.values()))
        self.dealt[target.kind, Signals(number).name] += 1
        target.victim.signal(number)
        if number is SIGSTOP:
            self._wake_later(target, SHORT_S if target.kind == "connections" else self._still_s(seconds))

    def _still_s(self, seconds: float) -> tuple[float, float]:
        possible = [(span, weight) for span, weight in STILL_S if span[1] < seconds or span is SHORT_S]
        (span,) = self.dice.choices([s for s, _ in possible], [w for _, w in possible])
        return span

    def _wake_later(self, target: Target, span: tuple[float, float]) -> None:
        async def wake(after_s: float) -> None:
            await asyncio.sleep(after_s)
            target.victim.signal(SIGCONT)

        task = asyncio.create_task(wake(self.dice.uniform(*span)))
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)
