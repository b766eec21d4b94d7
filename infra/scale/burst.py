"""Tasks that come at certain times in; when each was classified and done, and what was refused on the way, out.

Message by message, and no chance in it: the same deployment and tickets give the same run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from infra.scale.clock import Clock
from infra.scale.deployment import Deployment, Feed
from infra.scale.mix import Ticket
from infra.scale.station import Processors, Station

LONGEST_S = 8 * 86400.0  # beyond what Pub/Sub keeps a message
Given = Mapping[str, float]


@dataclass
class Run:
    """What became of `tasks`. Times are seconds from the start, in order, one for each task that got there.

    `done_at`: run, or waiting for a person. `refused`: answers 429, each of which brings a message back later.
    """

    tasks: int
    classified_at: list[float] = field(default_factory=list)
    done_at: list[float] = field(default_factory=list)
    dead: int = 0
    refused: int = 0
    most_attempts: int = 0
    calls: int = 0
    instances: Mapping[str, int] = field(default_factory=dict)

    @property
    def drained_s(self) -> float:
        """When the last task was done."""
        return max(self.done_at, default=0.0)


class _Asking(NamedTuple):
    """A task at the desk, what follows its answer, and whether its call may be shared."""

    task: int
    then: Callable[[], None]
    shares: bool = True


class Desk:
    """Calls of the model: so many at once and a minute. While all are in flight tasks wait, and share the next."""

    def __init__(self, clock: Clock, deployment: Deployment, tickets: Sequence[Ticket], given: Given) -> None:
        self._clock, self._deployment, self._tickets = clock, deployment, tickets
        self._answer_s = given["answer ms"] / 1000
        self._gap_s = 60 / (deployment.requests_a_minute or given["model requests a minute"])
        self._line: deque[_Asking] = deque()
        self._under_way, self.calls, self._next_at = 0, 0, 0.0

    def ask(self, task: int, then: Callable[[], None], instances: int) -> None:
        """Ask about a task, at once or when it is its turn; so many instances have their permits."""
        if self._under_way < instances * self._deployment.calls:
            self._under_way += 1
            self._call([_Asking(task, then)])
        else:
            self._line.append(_Asking(task, then))

    def _call(self, group: list[_Asking]) -> None:
        self.calls += 1
        begins_at = max(self._clock.now, self._next_at)
        self._next_at = begins_at + self._gap_s
        model_s = max(self._of(asking).model_s for asking in group)
        self._clock.at(begins_at + model_s + (len(group) - 1) * self._answer_s, partial(self._answered, group))

    def _answered(self, group: list[_Asking]) -> None:
        for asking in group:
            if len(group) > 1 and self._of(asking).alone:
                self._line.appendleft(asking._replace(shares=False))
            else:
                asking.then()
        if self._line:
            self._call(self._next())
        else:
            self._under_way -= 1

    def _next(self) -> list[_Asking]:
        group = [self._line.popleft()]
        while group[0].shares and self._line and self._line[0].shares and len(group) < self._deployment.together:
            group.append(self._line.popleft())
        return group

    def _of(self, asking: _Asking) -> Ticket:
        return self._tickets[asking.task % len(self._tickets)]


def play(
    deployment: Deployment,
    tickets: Sequence[Ticket],
    given: Given,
    arrivals: Sequence[float],
    cores: int = 0,
) -> Run:
    """Return the run of one task for each arrival, a time in seconds at which its message is published.

    Tickets come again and again in their order. `cores`: processors that all services share, where they are on one
    machine; 0: each instance has its own.
    """
    clock, run = Clock(), Run(len(arrivals))
    desk = Desk(clock, deployment, tickets, given)
    step_s = given["step ms"] / 1000

    def ticket(task: int) -> Ticket:
        return tickets[task % len(tickets)]

    def classify(task: int, done: Callable[[], None]) -> None:
        desk.ask(task, partial(clock.after, step_s, done), stations["classify"].instances)

    def execute(task: int, done: Callable[[], None]) -> None:
        clock.after(ticket(task).handler_s + step_s, done)

    def classified(task: int) -> None:
        run.classified_at.append(clock.now)
        if ticket(task).runs:
            stations[ticket(task).runs].publish(task)
        else:
            executed(task)

    def executed(task: int) -> None:
        run.done_at.append(clock.now)

    pool = Processors(cores) if cores else None
    wired = {"classify": (classify, classified)} | {t.runs: (execute, executed) for t in tickets if t.runs}
    stations = {
        name: Station(clock, deployment.services[name], deployment.feeds.get(name, Feed()), given, *works, pool)
        for name, works in wired.items()
    }
    for task, time in enumerate(arrivals):
        clock.at(time, partial(stations["classify"].publish, task))
    clock.run(LONGEST_S)
    run.calls = desk.calls
    run.dead, run.refused = (sum(getattr(s, name) for s in stations.values()) for name in ("dead", "refused"))
    run.most_attempts = max(station.most_attempts for station in stations.values())
    run.instances = {name: station.instances for name, station in stations.items()}
    return run
