"""Events in the order of their time, and of the same time in the order in which they were set: always the same run."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Clock:
    """What happens when. `now` is in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()

    def at(self, time: float, happens: Callable[[], None]) -> None:
        """Let it happen then, or now if that is over."""
        heapq.heappush(self._events, (max(time, self.now), next(self._number), happens))

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let it happen so many seconds from now."""
        self.at(self.now + seconds, happens)

    def run(self, until_s: float) -> None:
        """Let everything happen that is set before `until_s`, and what it sets in turn."""
        while self._events and self._events[0][0] <= until_s:
            self.now, _, happens = heapq.heappop(self._events)
            happens()
