"""Who is asked about a task: `router/current` and `router/candidate` in, classifiers that fit the intents out.

Read at most once in `LOOK_S` by an instance, and never where `PROMOTERS` names nobody. Whatever cannot be used is told
in the log, and what the settings say goes on.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from shared.errors import SettingError, StoreUnavailable
from shared.logs import log
from shared.model.question import Classifier
from shared.records.routers import CANDIDATE, CURRENT, LOOK_S, version_path
from shared.task.router import Candidate, Promotion, Version, sound
from shared.task.schemas import Model
from shared.wiring.classifiers import router_of
from shared.wiring.composition import Ports
from shared.wiring.ports import Snapshot
from shared.wiring.routing import Held, Router, Routing

SETTINGS = Routing()

T = TypeVar("T", bound=Model)


async def routing(ports: Ports) -> Routing:
    """Return who decides now, and who is asked beside them, as of the last `LOOK_S` seconds.

    Raises:
        StoreUnavailable: nothing is known as yet; what was known before is good until the store is back.
    """
    if not ports.settings.promoters:
        return SETTINGS
    held, time = ports.routing, asyncio.get_running_loop().time
    if held.known is not None and (time() < held.until_s or held.lock.locked()):
        return held.known
    async with held.lock:
        if held.known is None or time() >= held.until_s:
            try:
                held.known = await _read(ports, held)
            except StoreUnavailable:
                if held.known is None:
                    raise
            held.until_s = time() + LOOK_S
        return held.known


def classifier_of(routed: Routing, ports: Ports) -> Classifier:
    """Return who is asked about a task."""
    return routed.current.classifier if routed.current else ports.classifier


async def _read(ports: Ports, held: Held) -> Routing:
    current, candidate = await ports.store.read(CURRENT, CANDIDATE)
    promoted, asked = _parsed(Promotion, current), _parsed(Candidate, candidate)
    wanted = {chosen.hash for chosen in (promoted, asked) if chosen and chosen.hash}
    held.made = {name: router for name, router in held.made.items() if name in wanted}
    for found in await ports.store.read(*(version_path(name) for name in sorted(wanted - held.made.keys()))):
        held.made[found.id] = _made(ports, found)
    router = held.made.get(asked.hash) if asked else None
    return Routing(
        current=held.made.get(promoted.hash) if promoted else None,
        shadow=(router, asked) if router and asked else None,
    )


def _made(ports: Ports, found: Snapshot) -> Router | None:
    """Return who answers as this document says, or None: it is told once, when an instance first reads it."""
    version = _parsed(Version, found)
    if version is None or version.hash != found.id:
        _refuse(found, "version_not_found" if version is None else "version_differs")
        return None
    try:
        return router_of(version, ports.settings, ports.registry, lambda: ports.classifier, ports.desk, ports.spending)
    except SettingError as error:
        _refuse(found, error.code)
        return None


def _parsed(model: type[T], found: Snapshot) -> T | None:
    parsed = sound(model, found.data)
    if parsed is None and found.data is not None:
        _refuse(found, "document_damaged")
    return parsed


def _refuse(found: Snapshot, code: str) -> None:
    log("ERROR", "router_refused", function="classify", outcome="router_refused", operation=found.path, error_code=code)
