"""The instances of every function: started when work comes, stopped, killed, and replaced by new versions."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.intent.declaration import Intent
from shared.settings import Settings
from shared.wiring.composition import Ports
from shared.wiring.providers import ProviderSettings
from tests.simulation.deployment import FUNCTIONS, REGISTRY
from tests.simulation.loop import Instance
from tests.simulation.model import SimulatedReader
from tests.simulation.provider import SimulatedPool

if TYPE_CHECKING:
    from tests.simulation.world import Run

MAX_INSTANCES = 3
PROVIDERS: dict[str, ProviderSettings] = {}
GRACE_S = 10.0
LONGEST_STOP_S = 1800.0


class Fleet:
    """What is deployed, in instances; `all` holds also those that are gone."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self.settings = settings
        patience_s, above = run.weather.patience_s, run.weather.two_people_above
        self.registry: Mapping[str, Intent] = {
            name: replace(intent, limits=replace(intent.limits, patience_s=patience_s))
            for name, intent in REGISTRY.items()
        }
        if above is not None:
            refund = self.registry["refund_request"]
            policy = replace(refund.policy, approvals=2, approvals_above=above)
            self.registry = {**self.registry, "refund_request": replace(refund, policy=policy)}
        self.all: list[Instance] = []
        self._taking: dict[str, list[Instance]] = {name: [] for name in FUNCTIONS}  # those that take work

    def instance(self, function: str) -> Instance:
        """Return an instance of a function that takes work, a new one now and then."""
        instances = self._taking[function]
        if not instances or (len(instances) < MAX_INSTANCES and self._run.rng.random() < 0.2):
            instances.append(Instance(f"{function}.{self._run.number()}", self._ports()))
            self.all.append(instances[-1])
        return instances[int(self._run.rng.random() * len(instances))]

    def deploy(self, **settings: Any) -> None:
        """Change the settings: instances of the old version finish what they have."""
        self._run.note("deployed {}", settings)
        self.settings = replace(self.settings, **settings)
        for instances in self._taking.values():
            for instance in list(instances):
                self.leave(instance)

    def undeploy(self, intent: str) -> None:
        """Remove an intent: its topic stays, but nobody reads it any more."""
        self.registry = {name: i for name, i in self.registry.items() if name != intent}
        self.deploy()

    def _ports(self) -> Ports:
        ports = Ports(self.settings, self._run.store, self._run.bus, self._run.rng)
        vars(ports).update(
            registry=self.registry,
            classifier=ports.desk.before(self._run.model),
            local=SimulatedReader(self._run.model),
            pool=SimulatedPool(self._run.provider),
            providers=PROVIDERS,
            clock_trouble=self._run.clock.trouble,
        )
        return ports

    def mishap(self, kind: str, instance: Instance) -> None:
        """Let a `crash`, a `sigterm` or a `stop` happen to an instance."""
        if not instance.alive or instance.leaving or instance.stopped:
            return
        self._run.note("{} of {}", kind, instance.name)
        if kind == "crash":
            self._kill(instance)
        elif kind == "sigterm":
            self.leave(instance)
            for task in list(instance.tasks):
                task.cancel()
            self._run.later(GRACE_S, self._kill, instance)
        else:
            instance.stopped = True
            # About a lease's length, or much longer.
            self._run.later(
                self._run.rng.uniform(1, self._run.rng.choice((120.0, LONGEST_STOP_S))), self._go_on, instance
            )

    def leave(self, instance: Instance) -> None:
        """Send an instance no more work."""
        if not instance.leaving:
            instance.leaving = True
            self._taking[instance.name.rpartition(".")[0]].remove(instance)

    def _kill(self, instance: Instance) -> None:
        self.leave(instance)
        instance.alive = False
        for task, broken in instance.tasks.items():
            if not task.done():
                self._run.later(self._run.rng.uniform(0, 1), broken)

    def _go_on(self, instance: Instance) -> None:
        if instance.stopped:
            self._run.note("{} goes on", instance.name)
            self._run.loop.resume(instance)

    def heal(self) -> None:
        """Let every stopped instance go on."""
        for instances in self._taking.values():
            for instance in instances:
                if instance.stopped:
                    self._run.loop.call_soon(self._go_on, instance, context=Context())
