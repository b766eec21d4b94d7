"""Settings, intents and switches in; what decides today, and in whose name the caller acts, out."""

from __future__ import annotations

from typing import Any

from shared.certificate import Certificate
from shared.gate.policy import ceilings_of
from shared.records.breakers import breakers
from shared.records.drift import drift
from shared.records.switches import switches
from shared.task.moves import Person
from shared.wiring.composition import Ports


async def policy(ports: Ports, who: Person) -> dict[str, Any]:
    """Return today's policy; `intents` has what is declared of each, and whether its switch is off.

    `automatic` has minor units by currency, or None where no money moves; `switches` what each document of the
    collection does, also one that names no intent; `breakers` why each open one has opened; `drift` the last look at
    whether what comes in is like what the certificate was made from, None where there was none.

    Raises:
        StoreUnavailable: the store is down.
    """
    settings, registry = ports.settings, ports.registry
    allowed = [intent for name, intent in registry.items() if name in settings.automatic]
    set_by_hand = await switches(ports.store, registry)
    tripped, drifted = await breakers(ports.store), await drift(ports.store)
    stopped = {switch.name for switch in set_by_hand if switch.stops}
    return {
        "you": who.name,
        "confidence_threshold": settings.confidence_threshold,
        "automatic": {i.name: dict(ceilings_of(i, settings)) or None for i in allowed},
        "disabled_intents": sorted(settings.disabled_intents),
        "switches": {switch.name: switch.does for switch in set_by_hand},
        "certification": "required" if settings.certification else "off",
        "certificate": _certificate(settings.certificate),
        "local_certificate": _certificate(settings.local_certificate),
        "breakers": {name: breaker.why for name, breaker in tripped.items() if breaker.open},
        "drift": drifted.model_dump(mode="json") | {"warns": drifted.warns} if drifted else None,
        "approvers": {name: sorted(people) for name, people in settings.approvers.items()},
        "intents": {
            name: {
                "risk": intent.policy.risk,
                "per_day": intent.policy.per_day,
                "sources": None if intent.sources is None else sorted(intent.sources),
                "switched_off": name in stopped,
            }
            for name, intent in registry.items()
        },
    }


def _certificate(known: Certificate | None) -> dict[str, Any] | None:
    return known.model_dump(mode="json") if known else None
