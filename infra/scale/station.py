"""One function behind its subscription: a push window that grows, instances that start, processors, and 429."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from functools import partial

from infra.scale.clock import Clock
from infra.scale.deployment import Feed, Service

Given = Mapping[str, float]


class Processors:
    """Cores; work takes the one that is free first."""

    def __init__(self, cores: int = 0) -> None:
        self._free_at = [0.0] * cores

    def add(self, now: float) -> None:
        """Add a core that is free from now on."""
        heapq.heappush(self._free_at, now)

    def take(self, now: float, seconds: float) -> float:
        """Return when work of so many seconds, that may begin now, is done."""
        done = max(now, self._free_at[0]) + seconds
        heapq.heapreplace(self._free_at, done)
        return done


class Station:
    """Takes messages; `work(message, done)` is what an instance does with one beside using its processor.

    A message waits in the backlog, is in flight, acknowledged (`then`), or dead. `pool`: processors shared by all.
    """

    def __init__(
        self,
        clock: Clock,
        service: Service,
        feed: Feed,
        given: Given,
        work: Callable[[int, Callable[[], None]], None],
        then: Callable[[int], None],
        pool: Processors | None = None,
    ) -> None:
        self._clock, self._service, self._feed, self._given = clock, service, feed, given
        self._work, self._then = work, then
        self._backlog: deque[tuple[int, int]] = deque()  # message, attempt
        self._pending: OrderedDict[int, int] = OrderedDict()  # message: attempt; in flight, but no instance has room
        self._window, self._in_flight, self._busy = given["window"], 0, 0
        self._ready, self._starting = service.warm, 0
        self._shared, self._processors = pool, pool or Processors(service.warm)
        self.refused = self.dead = self.most_attempts = 0

    @property
    def instances(self) -> int:
        """How many instances run."""
        return self._ready

    def publish(self, message: int, attempt: int = 1) -> None:
        """Take a message, or take it again."""
        self._backlog.append((message, attempt))
        self._push()

    def _push(self) -> None:
        while self._backlog and self._in_flight < int(self._window):
            message, attempt = self._backlog.popleft()
            self._in_flight += 1
            self.most_attempts = max(self.most_attempts, attempt)
            if self._busy < self._ready * self._service.requests:
                self._begin(message, attempt)
            else:
                self._pending[message] = attempt
                wait_s = max(self._given["pending s"], self._given["start s"] * (self._starting > 0))
                self._clock.after(wait_s, partial(self._give_up, message, attempt))
            self._scale()

    def _scale(self) -> None:
        wanted = (self._busy + len(self._pending)) / (self._given["busy share"] * self._service.requests)
        while self._ready + self._starting < min(self._service.instances, wanted):
            self._starting += 1
            self._clock.after(self._given["start s"], self._started)

    def _started(self) -> None:
        self._starting -= 1
        self._ready += 1
        if self._shared is None:
            self._processors.add(self._clock.now)
        self._next()

    def _next(self) -> None:
        while self._pending and self._busy < self._ready * self._service.requests:
            self._begin(*self._pending.popitem(last=False))

    def _begin(self, message: int, attempt: int) -> None:
        self._busy += 1
        done_at = self._processors.take(self._clock.now, self._given["processor ms"] / 1000)
        self._clock.at(done_at, lambda: self._work(message, partial(self._answer, message)))

    def _answer(self, message: int) -> None:
        """Acknowledge: its place is free, and the window grows; exponentially, for each push brings one more."""
        self._busy -= 1
        self._in_flight -= 1
        step = self._given["window step"]
        self._window += step if self._window < self._given["window limit"] else step / self._window
        self._then(message)
        self._next()
        self._push()

    def _give_up(self, message: int, attempt: int) -> None:
        """Answer 429, if it still waits for an instance."""
        if self._pending.get(message) != attempt:
            return
        del self._pending[message]
        self._in_flight -= 1
        self._window = max(1.0, self._window - self._given["window step"])
        self.refused += 1
        if attempt >= self._feed.attempts:
            self.dead += 1
        else:
            self._clock.after(self._feed.wait_s(attempt), partial(self.publish, message, attempt + 1))
        self._push()
