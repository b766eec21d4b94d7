"""One simulated run: the production steps on simulated ports, under one seed, with a witness of everything."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

from infra.embedded.bus import DOCUMENT_EVENTS
from shared.records.edits import Edit
from shared.settings import Settings
from shared.wiring.composition import Ports
from tests.simulation import aging, noise, people, sources, tripping
from tests.simulation.aging import DAY_S, SteppingClock, replay
from tests.simulation.bus import Message, SimulatedBus
from tests.simulation.deployment import FUNCTIONS, MANIFEST
from tests.simulation.faults import draw
from tests.simulation.fleet import Fleet
from tests.simulation.loop import ACTOR, Actor, Broken, Call, ServerClock, SimulatedLoop, Stuck
from tests.simulation.model import SimulatedModel
from tests.simulation.provider import Provider
from tests.simulation.pushes import Push
from tests.simulation.scheduler import Scheduler
from tests.simulation.trouble import Storm
from tests.simulation.witness import Violation, Witness
from tests.store import BEGINNING, MemoryStore

T = TypeVar("T")
GOODS: dict[str, int | None] = {"cancel_order": None, "change_address": None}
OUTBOXES_END_S = 2 * 3600.0  # after this long every outbox, lease and backoff has been due
TRUST_S = 26 * 3600.0  # after this long a clock that was put right is trusted again
LONGEST_WAIT_S = 4 * DAY_S  # for a person


class Run:
    """Everything of one run. `trace` holds (seconds, who, what) of every step that can be seen from outside, if kept.

    `note(what, *values)` puts a line into it: `what` is a format string, filled in only where the trace is kept.
    """

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.seed = seed
        self.note: Callable[..., None] = self._note if traced else _unwritten
        self.rng = rng = random.Random(seed)
        random.seed(seed)  # the pauses between two tries of a commit
        self.weather = draw(rng)
        self.aging = aging.draw(seed, self.weather)
        self.tripping = tripping.draw(seed)
        self.ends_at_s = self.weather.heals_at_s  # or when the clock is right again
        if self.aging.steps:
            self.ends_at_s = max(self.ends_at_s, self.aging.right_at_s + 600)
            self.weather.faults.lost = 0.5  # what nobody comes for waits for its time
        self.said: list[tuple[str, bytes]] = []  # every event that was accepted, and its topic
        self.replaying = False
        self.trace: list[tuple[float, str, str]] = []
        self.loop = SimulatedLoop(rng)  # type: ignore[abstract]  # it has what asyncio calls here
        self.storm = Storm(self.weather, rng, lambda *what: self.fleet.mishap(*what), self.loop.ready)
        self.witness = Witness(self)
        self.clock = SteppingClock(self)
        now = self.clock.now if self.aging.steps else ServerClock(self.loop).now
        self.store = MemoryStore(now, self.storm, committed=self.witness.committed, seen=self.witness.seen)
        self.bus = SimulatedBus(
            MANIFEST,
            self.storm,
            self._bus_clock,
            self._deliver,
            published=self._published,
            buried=self.witness.buried,
        )
        faults = self.weather.faults
        self.model = SimulatedModel(self.storm, rng, lambda: faults.model)
        self.provider = Provider(
            self.storm,
            rng,
            lambda: faults.provider,
            self.witness.applied,
            self.witness.sent,
            write_fates=self.weather.write_fates,
        )
        settings = Settings(
            automatic=rng.choice(
                ({}, {"refund_request": 5000, "password_reset": None, **GOODS}, {"refund_request": 50_000, **GOODS})
            ),
            approvers={"*": people.APPROVERS},
            approval_ttl_s=self.weather.approval_ttl_s,
            model_budget_s=self.weather.model_budget_s,
            audit_share=self.tripping.audit_share,
            error_budget=self.tripping.error_budget,
            retention_days=self.aging.kept_s / DAY_S,  # type: ignore[arg-type]  # some are kept for seconds
        )
        self.fleet = Fleet(self, settings)
        self.scheduler = Scheduler(self)
        self.endings: Counter[str] = Counter()  # task -> how often it ended badly
        self._numbers = 0
        self._spawned: list[asyncio.Task[Any]] = []  # of nobody's instance

    # --- the run

    def execute(self) -> None:
        """Run to the end.

        Raises:
            Violation: an invariant does not hold.
        """
        try:
            with noise.short_pages():
                self._pass()
        except Stuck:
            raise Violation("I8", "the run does not come to an end") from None
        finally:
            for task in chain(
                self._spawned, *(instance.tasks for instance in self.fleet.all)
            ):  # what is left unfinished
                task.get_coro().close()

    def _pass(self) -> None:
        self.loop.call_soon(sources.begin, self, context=Context())
        self.loop.call_soon(people.begin, self, context=Context())
        self.loop.call_soon(noise.begin, self, context=Context())
        self.loop.call_soon(tripping.begin, self, context=Context())
        self._advance(self.weather.heals_at_s)
        self._heal()
        self._advance(self.ends_at_s + OUTBOXES_END_S)
        self.witness.quiet()
        self._advance(self.ends_at_s + TRUST_S)
        self.witness.quiet()
        self.replaying = True
        over_s = self.ends_at_s + TRUST_S + LONGEST_WAIT_S + self.aging.kept_s + max(self.aging.step_s, 0.0)
        self._advance(over_s)
        self.witness.removal.over()
        self.loop.call_soon(replay, self, context=Context())
        self._advance(over_s + OUTBOXES_END_S)
        self.witness.removal.replayed()
        self.witness.quiet()

    def _note(self, what: str, *values: object, by: Actor | None = None) -> None:
        actor = by or ACTOR.get(None)
        self.trace.append((self.loop.time(), actor.name if actor else "", what.format(*values)))

    def _advance(self, until_s: float) -> None:
        self.loop.advance(until_s)
        if self.witness.violation:
            raise self.witness.violation
        if self.loop.errors:
            raise Violation("I0", self.loop.errors[0])

    def _heal(self) -> None:
        self.note("the faults stop")
        self.storm.heal()
        self.fleet.heal()

    def number(self) -> int:
        """Return a number that nothing else in the run has."""
        self._numbers += 1
        return self._numbers

    def later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> Call:
        """Do something that no instance's death prevents."""
        return self.loop.call_later(delay_s, callback, *args, context=Context())

    def spawn(self, work: Any) -> None:
        """Run a coroutine that belongs to nobody's instance: a person, a source."""
        self._spawned.append(self.loop.create_task(work, context=Context()))

    # --- the bus pushes

    def _bus_clock(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.loop.time() + self.weather.clock_skew_s)

    def _deliver(self, message: Message) -> None:
        """Push a message to its function, and settle it by the answer."""
        now = self.loop.time()
        if self.weather.night_s and self.weather.night_s[0] <= now < self.weather.night_s[1]:
            self.later(self.weather.night_s[1] - now + self.rng.uniform(0, 60), self._deliver, message)
            return
        function = FUNCTIONS[message.policy.function]
        intent = function.environment.get("INTENT")
        if intent is not None and intent not in self.fleet.registry:
            return
        if message.settled and (self._bus_clock() - message.published_at).days == 0:
            return
        if message.pointer is None:
            message.pointer = _pointer(message.data)
        instance = self.fleet.instance(function.name)
        name = f"{instance.name}#{self.number()}"
        Push(self, message, function, instance, Actor(name, instance, function.name, *message.pointer))

    # --- callers of functions

    async def request(
        self, function: str, who: str, work: Callable[[Ports], Awaitable[T]], task_id: str = "", generation: int = 0
    ) -> T:
        """Call a function over HTTP and return its answer.

        Raises:
            Broken: its instance died, or it took too long; whatever else `work` raises.
        """
        answer: asyncio.Future[T] = self.loop.create_future()
        instance = self.fleet.instance(function)

        def broken() -> None:
            if not answer.done():
                answer.set_exception(Broken())

        async def serve() -> None:
            try:
                result = await work(instance.ports)
            except asyncio.CancelledError:
                broken()
                raise
            except Exception as error:
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():
                    answer.set_result(result)
            limit.cancel()
            del instance.tasks[task]

        actor = Actor(f"{who} at {instance.name}", instance, function, task_id, generation)
        task = self.loop.start(actor, serve(), broken)
        limit = self.later(FUNCTIONS[function].timeout_s, broken)
        return await answer

    # --- what happens, and who is told

    def _published(self, topic: str, data: Any) -> None:
        self.witness.published(topic, data)
        if topic.startswith("intent-") and self.rng.random() < self.weather.faults.foreign:
            self.bus.put(topic, sources.foreign_copy(data), {})

    def asked(self, task_id: str) -> None:
        """A task asks for a decision."""
        if not self.replaying:
            people.asked(self, task_id)

    def entered(self, task_id: str, state: str) -> None:
        """A task entered a state."""
        if state in people.REDRIVABLE and self.loop.time() < self.weather.heals_at_s:
            people.ended(self, task_id)
        people.wants_erased(self, task_id)

    def parked(self, letter_id: str) -> None:
        """A message became a dead letter."""
        if self.loop.time() < self.weather.heals_at_s:
            people.parked(self, letter_id)

    def announce(self, edit: Edit) -> None:
        """Send the event of a write to an approval document."""
        self.bus.put(DOCUMENT_EVENTS, edit, {})


def _unwritten(what: str, *values: object, by: Actor | None = None) -> None:
    """Keep no trace."""


def _pointer(data: Any) -> tuple[str, int]:
    """Return the task and the generation that a message speaks of."""
    if isinstance(data, Edit):
        return data.task_id, 0
    said = _POINTER.search(data)
    return (said[1].decode(), int(said[2] or 0)) if said else ("", 0)


_POINTER = re.compile(rb'"task_id": ?"([^"]*)"(?:, ?"generation": ?(\d+))?')
