"""The composition root: the one place that names concrete adapters, each built on first use.

Functions call `ports()`; the embedded backend and tests call `install()` with their own.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared import tracing
from shared.errors import Skip
from shared.event.tally import Tally
from shared.intent.named import check_names, check_sources
from shared.intent.registry import Registry, discover
from shared.logs import lines_lost
from shared.model.question import Classifier
from shared.settings import Settings, load
from shared.wiring.lately import Lately
from shared.wiring.ports import Publisher, Store
from shared.wiring.providers import ProviderSettings

if TYPE_CHECKING:
    from shared.model.local import LocalClassifier
    from shared.wiring.desk import Desk
    from shared.wiring.lanes import Pool
    from shared.wiring.people import People
    from shared.wiring.routing import Held
    from shared.wiring.spending import Spending


@dataclass
class Ports:
    """What a step may touch."""

    settings: Settings
    store: Store
    publisher: Publisher
    random: random.Random = field(default_factory=random.SystemRandom)
    # Why the store's time cannot be trusted with what is final, in words. Firestore's is Google's, and always can.
    clock_trouble: Callable[[], str] = field(default=lambda: "")

    def __post_init__(self) -> None:
        if tracing.is_on():
            from shared.wiring.traced import TracedPublisher, TracedStore

            self.store, self.publisher = TracedStore(self.store), TracedPublisher(self.publisher)

    @cached_property
    def desk(self) -> Desk:
        """Where tasks wait for the model in this instance."""
        from shared.wiring.desk import Desk

        return Desk.of(self.settings)

    @cached_property
    def spending(self) -> Spending | None:
        """What counts the model's tokens of the day, where they are bounded."""
        from shared.wiring.spending import Spending

        cap = self.settings.limits.tokens_a_day
        return Spending(self.store, cap) if cap else None

    @cached_property
    def pool(self) -> Pool:
        """Connections to the handlers' providers."""
        from shared.wiring.lanes import POOL

        return POOL

    @cached_property
    def providers(self) -> dict[str, ProviderSettings]:
        """Where the handlers' providers are, by name; each is filled in by the first task that needs it."""
        return {}

    @cached_property
    def people(self) -> People:
        """Who knows the addresses of those whom the sources only name by id."""
        from shared.wiring.people import Directory

        settings = self.settings
        return Directory(self.pool, allow_private=settings.local, max_in_flight=settings.max_concurrent_calls)

    @cached_property
    def ignored(self) -> Tally:
        """How many events asked nothing of anybody, as far as this instance has not handed it over."""
        return Tally(timedelta(0)) if self.settings.local else Tally()  # whoever tries it out sees it at once

    @cached_property
    def lately(self) -> defaultdict[Hashable, Lately[Any]]:
        """What this instance has read of the store and goes by for some seconds, by what it is."""
        return defaultdict(Lately)

    @cached_property
    def opened(self) -> set[tuple[str, int]]:
        """The waiting tasks, and generations of them, about which this instance has had the model asked after all."""
        return set()

    @cached_property
    def locked_out(self) -> set[str]:
        """The providers that refused our key and have not taken it since, as far as this instance knows."""
        return set()

    @cached_property
    def registry(self) -> Registry:
        """The closed list of intents, discovered once."""
        return discover()

    @cached_property
    def classifier(self) -> Classifier:
        """The model, built by the first task that needs it: only `classify` installs an SDK."""
        from shared.wiring.classifiers import build

        if "agreeing" not in self.settings.skip_calls:
            return build(self.settings, self.registry, self.desk, None, self.spending)
        from shared.wiring.earlier import Earlier

        return build(self.settings, self.registry, self.desk, Earlier(self.store).memory, self.spending)

    @cached_property
    def local(self) -> LocalClassifier:
        """Who reads each ticket by itself, where the model has read several at once."""
        from shared.wiring.classifiers import local

        return local(self.registry)

    @cached_property
    def routing(self) -> Held:
        """Which versions of the router decide and are asked beside, as far as this instance knows."""
        from shared.wiring.routing import Held

        return Held()

    def must_be_plausible(self) -> None:
        """Raise `Skip` while the store's time cannot be trusted with what is final; asked after it was read."""
        if self.clock_trouble():
            raise Skip(code="clock_stepped")

    def health(self) -> dict[str, str | int]:
        """Return what `GET /healthz` answers: it runs; and what is wrong with clock and log, if anything is."""
        wrong: dict[str, str | int] = {"clock": self.clock_trouble(), "log_lines_lost": lines_lost()}
        return {"status": "ok"} | {name: value for name, value in wrong.items() if value}

    def adopt(self, registry: Registry) -> None:
        """Go on with another list of intents; what is under way keeps what it took."""
        vars(self)["registry"] = registry
        vars(self).pop("local", None)
        self.providers.clear()
        if self.settings.classifier == "local":  # it was taught by the examples of the list before
            vars(self).pop("classifier", None)
        vars(self).pop("routing", None)


_installed: Ports | None = None


def install(ports: Ports | None) -> None:
    """Make `ports()` return these from now on; None forgets them."""
    global _installed
    _installed = ports


def ports() -> Ports:
    """Return this process's ports, building the Google adapters on the first call.

    Raises:
        SettingError: a setting cannot be used, or names what does not exist; nothing works until it is put right.
    """
    global _installed
    if _installed is None:
        _installed = _google(load())
    return _installed


def _google(settings: Settings) -> Ports:
    from shared.wiring.adapters.firestore import FirestoreStore
    from shared.wiring.adapters.pubsub import PubsubPublisher

    made = Ports(
        settings=settings,
        store=FirestoreStore(settings.project, settings.database),
        publisher=PubsubPublisher(settings.project, settings.topic_prefix),
    )
    if settings.names_something:
        check_names(check_sources(settings), made.registry, own=os.environ.get("INTENT", ""))
    return made
