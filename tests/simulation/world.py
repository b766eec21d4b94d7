"""One simulated run: the production steps on simulated ports, under one seed, with a witness of everything."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

from functions.resume.step import ApprovalChanged
from functions.sweep.step import sweep
from infra.embedded.bus import DOCUMENT_EVENTS
from shared.errors import Retry
from shared.intent.declaration import Intent
from shared.settings import Settings
from shared.wiring.composition import Ports
from shared.wiring.providers import ProviderSettings
from tests.simulation import people, sources
from tests.simulation.bus import Message, SimulatedBus
from tests.simulation.deployment import FUNCTIONS, MANIFEST, REGISTRY
from tests.simulation.faults import draw
from tests.simulation.loop import ACTOR, Actor, Broken, Call, Instance, SimulatedLoop, Stuck
from tests.simulation.model import SimulatedModel
from tests.simulation.provider import Provider, SimulatedPool
from tests.simulation.pushes import Push
from tests.simulation.store import BEGINNING, SimulatedStore
from tests.simulation.trouble import Storm
from tests.simulation.witness import Violation, Witness

T = TypeVar("T")
MAX_INSTANCES = 3
PROVIDERS: dict[str, ProviderSettings] = {}
SWEEP_EVERY_S = 60.0
GRACE_S = 10.0
LONGEST_STOP_S = 1800.0
OUTBOXES_END_S = 2 * 3600.0  # after this long every outbox, lease and backoff has been due
DAY_S = 26 * 3600.0


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
        self.trace: list[tuple[float, str, str]] = []
        self.loop = SimulatedLoop(rng)  # type: ignore[abstract]  # it has what asyncio calls here
        self.storm = Storm(self.weather, rng, self._mishap, self.loop.ready)
        self.witness = Witness(self)
        self.store = SimulatedStore(self.storm, self.witness.committed)
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
        self.settings = Settings(
            automatic=rng.choice(({}, {"refund_request": 5000, "password_reset": None}, {"refund_request": 50_000})),
            approval_ttl_s=self.weather.approval_ttl_s,
            model_budget_s=self.weather.model_budget_s,
        )
        patience_s = self.weather.patience_s
        self.registry: Mapping[str, Intent] = {
            name: replace(intent, limits=replace(intent.limits, patience_s=patience_s))
            for name, intent in REGISTRY.items()
        }
        self.deleted: set[str] = set()  # tasks whose approval document somebody removed
        self.endings: Counter[str] = Counter()  # task -> how often it ended badly
        self._instances: dict[str, list[Instance]] = {name: [] for name in FUNCTIONS}
        self._all: list[Instance] = []
        self._numbers = 0
        self._ticks: set[float] = set()
        self._spawned: list[asyncio.Task[Any]] = []  # of nobody's instance

    # --- the run

    def execute(self) -> None:
        """Run to the end.

        Raises:
            Violation: an invariant does not hold.
        """
        try:
            self.loop.call_soon(sources.begin, self, context=Context())
            self.loop.call_soon(people.begin, self, context=Context())
            self._advance(self.weather.heals_at_s)
            self._heal()
            self._advance(self.weather.heals_at_s + OUTBOXES_END_S)
            self.witness.quiet()
            self._advance(self.weather.heals_at_s + DAY_S)
            self.witness.quiet()
        except Stuck:
            raise Violation("I8", "the run does not come to an end") from None
        finally:
            for task in chain(self._spawned, *(instance.tasks for instance in self._all)):  # what is left unfinished
                task.get_coro().close()

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
        for instances in self._instances.values():
            for instance in instances:
                if instance.stopped:
                    self.loop.call_soon(self._go_on, instance, context=Context())

    # --- instances

    def instance(self, function: str) -> Instance:
        """Return an instance of a function that takes work, a new one now and then."""
        instances = self._instances[function]
        if not instances or (len(instances) < MAX_INSTANCES and self.rng.random() < 0.2):
            self._numbers += 1
            instances.append(Instance(f"{function}.{self._numbers}", self._ports()))
            self._all.append(instances[-1])
        return instances[int(self.rng.random() * len(instances))]

    def deploy(self, **settings: Any) -> None:
        """Change the settings: instances of the old version finish what they have."""
        self.note("deployed {}", settings)
        self.settings = replace(self.settings, **settings)
        for instances in self._instances.values():
            for instance in list(instances):
                self.leave(instance)

    def undeploy(self, intent: str) -> None:
        """Remove an intent: its topic stays, but nobody reads it any more."""
        self.registry = {name: i for name, i in self.registry.items() if name != intent}
        self.deploy()

    def _ports(self) -> Ports:
        ports = Ports(self.settings, self.store, self.bus, self.rng)
        vars(ports).update(
            registry=self.registry, classifier=self.model, pool=SimulatedPool(self.provider), providers=PROVIDERS
        )
        return ports

    def _mishap(self, kind: str, instance: Instance) -> None:
        if not instance.alive or instance.leaving or instance.stopped:
            return
        self.note("{} of {}", kind, instance.name)
        if kind == "crash":
            self._kill(instance)
        elif kind == "sigterm":
            self.leave(instance)
            for task in list(instance.tasks):
                task.cancel()
            self.later(GRACE_S, self._kill, instance)
        else:
            instance.stopped = True
            # About a lease's length, or much longer.
            self.later(self.rng.uniform(1, self.rng.choice((120.0, LONGEST_STOP_S))), self._go_on, instance)

    def leave(self, instance: Instance) -> None:
        """Send an instance no more work."""
        if not instance.leaving:
            instance.leaving = True
            self._instances[instance.name.rpartition(".")[0]].remove(instance)

    def _kill(self, instance: Instance) -> None:
        self.leave(instance)
        instance.alive = False
        for task, broken in instance.tasks.items():
            if not task.done():
                self.later(self.rng.uniform(0, 1), broken)

    def _go_on(self, instance: Instance) -> None:
        if instance.stopped:
            self.note("{} goes on", instance.name)
            self.loop.resume(instance)

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
        if intent is not None and intent not in self.registry:
            return
        if message.settled and (self._bus_clock() - message.published_at).days == 0:
            return
        if message.pointer is None:
            message.pointer = _pointer(message.data)
        instance = self.instance(function.name)
        self._numbers += 1
        name = f"{instance.name}#{self._numbers}"
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
        instance = self.instance(function)

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

    # --- the scheduler, and events of the database

    def look_at(self, when: datetime) -> None:
        """Have the sweeper run at its first tick after `when`: ticks at which nothing is due are left out."""
        seconds = max((when - BEGINNING).total_seconds(), self.loop.time())
        tick = (seconds // SWEEP_EVERY_S + 1) * SWEEP_EVERY_S
        if tick not in self._ticks:
            self._ticks.add(tick)
            self.later(tick - self.loop.time(), self._tick, tick)

    def _tick(self, tick: float) -> None:
        self._ticks.discard(tick)
        night = self.weather.night_s
        if night and night[0] <= self.loop.time() < night[1]:
            self.look_at(BEGINNING + timedelta(seconds=night[1]))
            return
        if self._is_anything_due():
            self.look_at(self.store.now)
            for _ in range(2 if self.rng.random() < 0.1 else 1):  # sweeping twice at once must do no harm
                self.spawn(self._sweep())

    def _is_anything_due(self) -> bool:
        now = self.store.now
        tasks = (data["next_check_at"] for _, data in self.store.all("tasks"))
        approvals = (data for _, data in self.store.all("approvals"))
        return any(at is not None and at <= now for at in tasks) or any(
            a.get("outcome") is None and a.get("status") in ("approved", "rejected") for a in approvals
        )

    async def _sweep(self) -> None:
        try:
            outcome = await self.request("sweep", "scheduler", sweep)
        except (Retry, Broken):
            return
        except Exception as error:
            self.witness.fail("I0", f"sweep raises {error!r}", error)
            return
        if outcome.body and "unreadable" in outcome.body:
            self.witness.fail("I0", "sweep could not handle a document")

    def _published(self, topic: str, data: Any) -> None:
        self.witness.published(topic, data)
        if topic.startswith("intent-") and self.rng.random() < self.weather.faults.foreign:
            self.bus.put(topic, sources.foreign_copy(data), {})

    def asked(self, task_id: str) -> None:
        """A task asks for a decision."""
        people.asked(self, task_id)

    def entered(self, task_id: str, state: str) -> None:
        """A task entered a state."""
        if state in people.REDRIVABLE and self.loop.time() < self.weather.heals_at_s:
            people.ended(self, task_id)

    def parked(self, letter_id: str) -> None:
        """A message became a dead letter."""
        if self.loop.time() < self.weather.heals_at_s:
            people.parked(self, letter_id)

    def announce(self, task_id: str, author: str, version: str) -> None:
        """Send the event of a write to an approval document."""
        self.bus.put(DOCUMENT_EVENTS, ApprovalChanged(task_id, author, version), {})


def _unwritten(what: str, *values: object, by: Actor | None = None) -> None:
    """Keep no trace."""


def _pointer(data: Any) -> tuple[str, int]:
    """Return the task and the generation that a message speaks of."""
    if isinstance(data, ApprovalChanged):
        return data.task_id, 0
    said = _POINTER.search(data)
    return (said[1].decode(), int(said[2] or 0)) if said else ("", 0)


_POINTER = re.compile(rb'"task_id": ?"([^"]*)"(?:, ?"generation": ?(\d+))?')
