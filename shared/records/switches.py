"""The kill switches: `switches/<intent>` with `enabled: false`, set by ops without a deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import Forbidden, NotFound, Refused
from shared.gate.doors import must_be_approver
from shared.intent.mistakes import like
from shared.logs import log
from shared.records.documents import transact
from shared.task.moves import Person
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot, Store

MAX_SWITCHES = 200


@dataclass(frozen=True, slots=True)
class Switch:
    """A document of `switches/`: what it does, also in words, and whether somebody may have meant something else.

    `by`, `at` and `reason`: who set it last through a door of ours; empty and None where somebody wrote the document.
    """

    name: str
    does: str
    is_odd: bool
    stops: bool = False
    by: str = ""
    at: datetime | None = None
    reason: str = ""


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


async def switch(ports: Ports, intent: str, person: Person, *, on: bool, reason: str) -> Switch:
    """Stop an intent, so that its tasks wait, or let it run again; they go on by themselves.

    Raises:
        NotFound: there is no such intent.
        Refused: `already_on` or `already_off`.
        Forbidden: they are no approver of the intent, or no person.
    """
    path, after = switch_path(intent), list[Snapshot]()
    if intent not in ports.registry:
        names = list(ports.registry)
        raise NotFound(f"there is no intent of this name;{like(intent, names)}".rstrip(";"), code="intent_not_found")
    must_be_approver(ports.registry, ports.settings, intent, person)
    if not person.is_person:
        raise Forbidden("only a person sets a switch", code="not_a_person")

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        known = snapshots[path]
        if is_off(known) != on:
            word = "on" if on else "off"
            raise Refused(f"{intent} is {word} already", code=f"already_{word}")
        data = {"enabled": on, "by": person.name[:200], "at": known.read_time, "reason": reason[:300]}
        after[:] = [known._replace(data=data)]
        return {path: data}

    await transact(ports.store, (path,), body)
    outcome = "switched_on" if on else "switched_off"
    log("NOTICE", "an intent was switched", function="console", intent=intent, outcome=outcome)
    return _read(after[0], [intent])


def _read(found: Snapshot, intents: list[str]) -> Switch:
    if found.id not in intents:
        why = f"nothing: there is no intent of this name;{like(found.id, intents)}".rstrip(";")
        return Switch(found.id, why, is_odd=True)
    data = found.data or {}
    value, off = data.get("enabled"), is_off(found)
    why = "on" if not off else "off" if value is False else f"off: enabled is {_shown(value)}, and only true is on"
    at = data.get("at")
    told = {name: said for name in ("by", "reason") if isinstance(said := data.get(name), str)}
    when = at if isinstance(at, datetime) and at.tzinfo else None
    return Switch(found.id, why, is_odd=off and value is not False, stops=off, at=when, **told)


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    return repr(value)[:40] if isinstance(value, str | int | float) else f"a {type(value).__name__}"
