"""An event loop in virtual time: a seeded generator picks which of the ready callbacks runs next.

Callbacks belong to the instance (the process) of the actor in whose context they run. A dead instance's callbacks are
dropped, so that nothing of it, not even a `finally`, happens after the crash; a stopped one's are held meanwhile.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from datetime import datetime, timedelta
from typing import Any

from tests.store import BEGINNING

MAX_STEPS = 400_000
FEW = 32  # tasks of one process
_NAME = "task"  # else asyncio gives a number to each


class Stuck(Exception):
    """Raised when a run takes more steps than any run should: something goes round in circles."""


class Broken(Exception):
    """Raised to a caller whose connection broke: it cannot know what was done."""


class Call:
    """What is to be called, and as whom. Does for asyncio what its `Handle` does, without its weight."""

    __slots__ = ("args", "callback", "context", "when")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context, when: float | None):
        self.callback: Callable[..., Any] | None = callback  # None: it was cancelled
        self.args, self.context = args, context
        self.when = when  # None: it was not timed

    def cancel(self) -> None:
        self.callback = None


class Instance:
    """A process: what runs in it dies, stops and goes on together."""

    __slots__ = ("alive", "held", "leaving", "name", "ports", "stopped", "tasks", "tidy_at")

    def __init__(self, name: str, ports: Any) -> None:
        self.name = name
        self.ports = ports
        self.alive = True
        self.leaving = False  # gets no new work
        self.stopped = False
        self.held: list[Call] = []
        # What ran or runs in it -> whom to tell when it dies: the caller, who sees a connection break.
        self.tasks: dict[asyncio.Task[Any], Callable[[], None]] = {}
        self.tidy_at = FEW

    def owns(self, task: asyncio.Task[Any], broken: Callable[[], None]) -> None:
        """Let a task belong to this process; those that are over are let go of, now and then."""
        self.tasks[task] = broken
        if len(self.tasks) > self.tidy_at:
            self.tasks = {task: broken for task, broken in self.tasks.items() if not task.done()}
            self.tidy_at = 2 * len(self.tasks) + FEW


class Actor:
    """One unit of work in an instance: a delivery, a request, a person's click. `task_id` is whose it is."""

    __slots__ = ("epoch", "function", "generation", "instance", "lease_until", "name", "saw", "task_id")

    def __init__(self, name: str, instance: Instance, function: str, task_id: str = "", generation: int = 0) -> None:
        self.name, self.instance, self.function = name, instance, function
        self.task_id, self.generation = task_id, generation  # as its message says
        self.epoch = 0  # of the lease it took, if any
        self.lease_until: datetime | None = None
        self.saw: dict[str, Any] = {}  # path -> the snapshot it read last


ACTOR: ContextVar[Actor] = ContextVar("actor")


class SimulatedLoop(asyncio.AbstractEventLoop):
    """What asyncio's tasks, futures, locks and timeouts need of a loop, and no more."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._now = 0.0
        self.ready: list[Call] = []  # whoever could go on now
        self._timers: list[tuple[float, int, Call]] = []
        self._sequence = 0
        self.steps = 0
        self.halted = False  # set to stop at once
        self.errors: list[str] = []

    # --- what asyncio calls

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Call:
        call = Call(callback, args, copy_context() if context is None else context, None)
        self.ready.append(call)
        return call

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Call:
        call = Call(callback, args, copy_context() if context is None else context, when)
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, call))
        return call

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Call:
        when = self._now + delay
        call = Call(callback, args, copy_context() if context is None else context, when)
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, call))
        return call

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name or _NAME, context=context)
        actor = ACTOR.get(None) if context is None else context.get(ACTOR)
        if actor is not None:
            self._belongs(task, actor.instance, _nobody)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    # --- what the simulation calls

    def start(self, actor: Actor, work: Any, broken: Callable[[], None]) -> asyncio.Task[Any]:
        """Run a coroutine as `actor`, in its instance; `broken` is called if the instance dies before it ends."""
        context = copy_context()
        context.run(ACTOR.set, actor)
        task = asyncio.Task(work, loop=self, name=_NAME, context=context)
        self._belongs(task, actor.instance, broken)
        return task

    def _belongs(self, task: asyncio.Task[Any], instance: Instance, broken: Callable[[], None]) -> None:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # a crash leaves tasks behind, on purpose
        instance.owns(task, broken)

    def resume(self, instance: Instance) -> None:
        """Let a stopped instance go on: deadlines that have passed strike before anything else happens."""
        held, instance.held, instance.stopped = instance.held, [], False
        for call in sorted((c for c in held if c.when is not None), key=lambda c: c.when or 0.0):
            if call.callback is not None:
                call.context.run(call.callback, *call.args)
        self.ready += [c for c in held if c.when is None]

    def advance(self, until: float) -> None:
        """Run everything that happens up to the time `until`, in seconds.

        Raises:
            Stuck: it does not end.
        """
        ready, timers, rnd, steps = self.ready, self._timers, self._rng.random, self.steps
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            while not self.halted:
                choices = len(ready)
                if choices > 1:
                    i = int(rnd() * choices)
                    call = ready[i]
                    ready[i] = ready[-1]
                    ready.pop()
                elif choices:
                    call = ready.pop()
                elif timers and timers[0][0] <= until:
                    self._now = now = max(self._now, timers[0][0])
                    while timers and timers[0][0] <= now:
                        ready.append(heapq.heappop(timers)[2])
                    continue
                else:
                    self._now = max(self._now, until)
                    return
                callback, context = call.callback, call.context
                if callback is None:
                    continue
                actor = context.get(ACTOR)
                if actor is not None:
                    instance = actor.instance
                    if not instance.alive:
                        continue
                    if instance.stopped:
                        instance.held.append(call)
                        continue
                steps += 1
                if steps > MAX_STEPS:
                    raise Stuck
                try:
                    context.run(callback, *call.args)
                except Exception as error:
                    self.errors.append(repr(error))
        finally:
            self.steps = steps
            events._set_running_loop(before)


def _nobody() -> None:
    """Tell nobody: whoever waits for this work dies with it."""


class ServerClock:
    """The store's clock: a loop's seconds as moments."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._seconds = loop.time
        self._last = (0.0, BEGINNING)  # seconds of the loop, and what that is

    def now(self) -> datetime:
        """Return the moment that it is."""
        seconds = self._seconds()
        if seconds != self._last[0]:
            self._last = (seconds, BEGINNING + timedelta(seconds=seconds))
        return self._last[1]
