"""The kill switches: `switches/<intent>` with `enabled: false`, set by ops without a deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.intent.mistakes import like
from shared.wiring.ports import Snapshot, Store

MAX_SWITCHES = 200


@dataclass(frozen=True, slots=True)
class Switch:
    """A document of `switches/`: what it does, also in words, and whether somebody may have meant something else."""

    name: str
    does: str
    is_odd: bool
    stops: bool = False


def switch_path(intent: str) -> str:
    """Return the path of an intent's switch."""
    return f"switches/{intent}"


def is_off(switch: Snapshot) -> bool:
    """Whether a switch stops its intent; where there is no document, it does not.

    Somebody in a hurry may write "false" as a string, or misspell the field: only `true` leaves the intent on.
    """
    return switch.data is not None and switch.data.get("enabled") is not True


async def switches(store: Store, intents: Iterable[str]) -> list[Switch]:
    """Return every switch that somebody has set, also one that stops nothing because no intent has its name.

    Raises:
        StoreUnavailable: nothing is known.
    """
    names = list(intents)
    return [_read(found, names) for found in await store.query("switches", limit=MAX_SWITCHES)]


def _read(found: Snapshot, intents: list[str]) -> Switch:
    if found.id not in intents:
        return Switch(
            found.id, f"nothing: there is no intent of this name;{like(found.id, intents)}".rstrip(";"), is_odd=True
        )
    value = (found.data or {}).get("enabled")
    if not is_off(found):
        return Switch(found.id, "on", is_odd=False)
    why = "off" if value is False else f"off: enabled is {_shown(value)}, and only true is on"
    return Switch(found.id, why, is_odd=value is not False, stops=True)


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    return repr(value)[:40] if isinstance(value, str | int | float) else f"a {type(value).__name__}"
