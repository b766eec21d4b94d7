"""Switches that do not do what somebody may have meant, told in the log for as long as they are there."""

from __future__ import annotations

from shared.logs import log
from shared.records.switches import switches
from shared.wiring.composition import Ports


async def tell_odd_switches(ports: Ports) -> None:
    """Log each switch that names no intent, or holds neither true nor false.

    Raises:
        StoreUnavailable: the next sweep tells them.
    """
    for switch in await switches(ports.store, ports.registry):
        if switch.is_odd:
            does = "its intent is off" if switch.stops else "it stops nothing"
            log(
                "WARNING",
                f"a switch may be meant otherwise: {does}",
                function="sweep",
                intent=switch.name,
                outcome="odd_switch",
            )
