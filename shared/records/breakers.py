"""Breakers, `breakers/{intent}`: which are open, as everybody may know some seconds late; opening and re-arming."""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import Forbidden, NotFound, Refused
from shared.gate.doors import must_be_approver
from shared.logs import log
from shared.records.documents import transact
from shared.task.breaker import Breaker, BreakerCause, opened, rearmed
from shared.task.moves import Person
from shared.wiring.composition import Ports
from shared.wiring.lately import Lately
from shared.wiring.ports import Document, Filter, Snapshot, Store

MAX_BREAKERS = 500
KNOWN_FOR_S = 10.0


def breaker_path(intent: str) -> str:
    """Return the path of an intent's breaker."""
    return f"breakers/{intent}"


def breaker_in(snapshot: Snapshot) -> Breaker | None:
    """Return the breaker in a snapshot; None: it has never opened."""
    return None if snapshot.data is None else Breaker.model_validate(snapshot.data)


async def breakers(store: Store, *, open_only: bool = False) -> dict[str, Breaker]:
    """Return by intent the breakers that have ever opened.

    Raises:
        StoreUnavailable: nothing is known.
    """
    where = [Filter("open", "==", True)] if open_only else []
    found = await store.query("breakers", where=where, limit=MAX_BREAKERS)
    return {s.id: breaker for s in found if (breaker := breaker_in(s))}


async def open_breakers(ports: Ports) -> Mapping[str, Breaker]:
    """Return the open breakers as this instance has seen them in the last seconds; asked again at an effect's start.

    Nobody is asked where nothing could open one.

    Raises:
        StoreUnavailable: nothing is known.
    """
    if not (ports.settings.error_budget or ports.settings.audit_share):
        return {}
    known: Lately[Mapping[str, Breaker]] = ports.lately["breakers"]
    return await known.value(lambda: breakers(ports.store, open_only=True), KNOWN_FOR_S)


async def open_breaker(
    ports: Ports, intent: str, *, cause: BreakerCause, why: str, bad: int, seen: int, function: str
) -> None:
    """Open an intent's breaker, and say so; one that is open already stays as it is.

    Raises:
        StoreUnavailable, CommitUnknown: see `transact`.
    """
    path, told = breaker_path(intent), list[Breaker]()

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        told.clear()
        known = breaker_in(snapshots[path])
        after = opened(known, snapshots[path].read_time, cause=cause, why=why, bad=bad, seen=seen)
        if after is known:
            return {}
        told.append(after)
        return {path: after.model_dump()}

    await transact(ports.store, (path,), body)
    for breaker in told:
        tell_opened(intent, breaker, function=function)


async def rearm(ports: Ports, intent: str, person: Person, reason: str) -> Breaker:
    """Let tasks of an intent run by themselves again; from now on errors are counted anew.

    Raises:
        NotFound: there is no such intent, or its breaker has never opened.
        Refused: `not_open`.
        Forbidden: they are no approver of the intent, or no person.
    """
    path, after = breaker_path(intent), list[Breaker]()
    if intent not in ports.registry:
        raise NotFound("there is no intent of this name", code="intent_not_found")
    must_be_approver(ports.registry, ports.settings, intent, person)
    if not person.is_person:
        raise Forbidden("only a person arms a breaker again", code="not_a_person")

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        known = breaker_in(snapshots[path])
        if known is None or not known.open:
            raise Refused("the breaker of this intent is not open", code="not_open")
        after[:] = [rearmed(known, person.name, reason, snapshots[path].read_time)]
        return {path: after[0].model_dump()}

    await transact(ports.store, (path,), body)
    log("NOTICE", "a breaker was armed again", function="console", intent=intent, outcome="breaker_rearmed")
    return after[0]


def tell_opened(intent: str, breaker: Breaker, *, function: str) -> None:
    """Say in the log that a breaker has opened."""
    log(
        "WARNING",
        "a breaker has opened: tasks of its intent wait for people",
        function=function,
        intent=intent,
        outcome="breaker_opened",
        error_code=breaker.cause,
        count=breaker.bad,
    )
