"""Versions of the router that people upload, have asked, promote and take back: one commit each, and a history.

Who decides about tasks is changed by people whom `PROMOTERS` names, through the console.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from shared.errors import Forbidden, NotFound, Refused, SettingError, Unprocessable
from shared.event.mailbox import same_address
from shared.model.artefact import Artefact
from shared.model.versions import opened
from shared.records.documents import transact
from shared.records.shadows import report
from shared.task.moves import Person
from shared.task.router import Candidate, Kind, Listed, Promotion, Version, hash_of, sound
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot, Store

CURRENT, CANDIDATE = "router/current", "router/candidate"
LOOK_S = 30.0  # within which every instance of `classify` takes a change up
MOST = 100  # versions, or promotions, of a list
LISTED = ("kind", "about", "by", "at")


def version_path(name: str) -> str:
    """Return the path of a version by its hash."""
    return f"routers/{name}"


def must_be_promoter(ports: Ports, person: Person) -> None:
    """Let only people pass whom `PROMOTERS` names.

    Raises:
        Forbidden: `not_a_promoter`.
    """
    promoters = ports.settings.promoters
    if not person.is_person or not any(same_address(person.name, name) for name in promoters):
        why = "PROMOTERS does not name you" if promoters else "PROMOTERS names nobody"
        raise Forbidden(f"{why}: the router stays as it is", code="not_a_promoter")


async def upload(ports: Ports, person: Person, kind: Kind, content: str) -> str:
    """Keep a version, and return its hash. What is there already stays as it was first uploaded.

    Raises:
        Forbidden: see `must_be_promoter`.
        Unprocessable: `version_refused`: it cannot be used.
        StoreUnavailable: it may not be kept.
    """
    must_be_promoter(ports, person)
    about, name = _about(ports, kind, content), hash_of(kind, content)
    path = version_path(name)

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        if snapshots[path].data is not None:
            return {}
        at = snapshots[path].read_time
        return {path: Version(kind=kind, content=content, about=about, by=person.name, at=at).model_dump()}

    await transact(ports.store, (path,), body)
    return name


async def version(store: Store, name: str) -> Version:
    """Return a version by its hash, as it was uploaded.

    Raises:
        NotFound: there is none.
        Unprocessable: `version_refused`: somebody has changed its document.
        StoreUnavailable: nothing is known.
    """
    (found,) = await store.read(version_path(name))
    if found.data is None:
        raise NotFound("there is no such version; upload it first", code="version_not_found", field="/hash")
    stored = sound(Version, found.data)
    if stored is None or stored.hash != name:
        raise Unprocessable("its document is not what was uploaded", code="version_refused", field="/hash")
    return stored


async def versions(store: Store) -> list[Listed]:
    """Return the versions that there are, newest first; of damaged documents none.

    Raises:
        StoreUnavailable: nothing is known.
    """
    rows = await store.query_rows("routers", LISTED, order_by="at", descending=True, limit=MOST)
    found = (sound(Listed, {"hash": row.id, **row.data}) for row in rows)
    return [version for version in found if version]


async def history(store: Store) -> list[Promotion]:
    """Return what was promoted, newest first.

    Raises:
        StoreUnavailable: nothing is known.
    """
    found = await store.query("promotions", order_by="at", descending=True, limit=MOST)
    return [promotion for promotion in (sound(Promotion, entry.data) for entry in found) if promotion]


async def shadow(ports: Ports, person: Person, wanted: Mapping[str, Any]) -> Candidate:
    """Have a version asked beside whoever decides; `wanted` are members of `Candidate`.

    Raises:
        Forbidden, Unprocessable, NotFound: as for `promote`; or there is no budget.
        Refused: it decides already.
        StoreUnavailable: it may not be asked.
    """
    must_be_promoter(ports, person)
    await _usable(ports, wanted["hash"])
    made: list[Candidate] = []

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        if current_of(snapshots[CURRENT]) == wanted["hash"]:
            raise Refused("this version decides; there is nothing to compare it with", code="already_current")
        try:
            made[:] = [Candidate(**wanted, by=person.name, at=snapshots[CANDIDATE].read_time)]
        except ValueError:
            raise Unprocessable("say calls_a_day or tokens_a_day", code="no_budget") from None
        return {CANDIDATE: made[0].model_dump()}

    await transact(ports.store, (CANDIDATE, CURRENT), body)
    return made[0]


async def stop(ports: Ports, person: Person) -> Candidate:
    """Have nobody asked beside whoever decides.

    Raises:
        Forbidden: see `must_be_promoter`.
        StoreUnavailable: it may still be asked.
    """
    must_be_promoter(ports, person)
    made: list[Candidate] = []

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        made[:] = [Candidate(hash="", by=person.name, at=snapshots[CANDIDATE].read_time)]
        return {CANDIDATE: made[0].model_dump()}

    await transact(ports.store, (CANDIDATE,), body)
    return made[0]


async def promote(ports: Ports, person: Person, name: str, reason: str) -> Promotion:
    """Let a version decide from now on, or with an empty hash what the settings say; its report is kept with that.

    Raises:
        Forbidden: see `must_be_promoter`.
        NotFound, Unprocessable: there is no such version; it cannot be used.
        Refused: it decides already, or somebody else has promoted another meanwhile.
        StoreUnavailable: it may not decide.
    """
    must_be_promoter(ports, person)
    (seen,) = await ports.store.read(CURRENT)
    return await _promoted(ports, person, name, reason, current_of(seen))


async def back(ports: Ports, person: Person, reason: str) -> Promotion:
    """Let decide what did before the last change; asked for again, it takes this back.

    Raises:
        Refused: nothing was ever promoted.
        SwitchyardError: as for `promote`.
    """
    must_be_promoter(ports, person)
    (seen,) = await ports.store.read(CURRENT)
    last = sound(Promotion, seen.data)
    if last is None:
        raise Refused("nothing was promoted as yet: what the settings say decides", code="nothing_promoted")
    return await _promoted(ports, person, last.previous, reason, current_of(seen))


def current_of(snapshot: Snapshot) -> str:
    """Return the hash of the version that decides, or an empty string: what the settings say does."""
    current = sound(Promotion, snapshot.data)
    return current.hash if current else ""


async def _promoted(ports: Ports, person: Person, name: str, reason: str, seen: str) -> Promotion:
    if name:
        await _usable(ports, name)
    known = await report(ports.store, name) if name else None
    entry, made = f"promotions/{secrets.token_hex(16)}", list[Promotion]()

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        if current_of(snapshots[CURRENT]) != seen:
            raise Refused("somebody else has promoted another version; look again", code="promoted_meanwhile")
        if seen == name:
            raise Refused("this version decides already", code="already_current")
        at = snapshots[CURRENT].read_time
        said = {"by": person.name, "channel": person.channel, "reason": reason, "at": at}
        made[:] = [Promotion.model_validate(said | {"hash": name, "previous": seen, "report": known})]
        writes = dict.fromkeys((CURRENT, entry), made[0].model_dump())
        if name and (snapshots[CANDIDATE].data or {}).get("hash") == name:
            writes[CANDIDATE] = Candidate(hash="", by=person.name, at=at).model_dump()
        return writes

    await transact(ports.store, (CURRENT, CANDIDATE, entry), body)
    return made[0]


async def _usable(ports: Ports, name: str) -> None:
    """Raise unless there is such a version, and it fits the intents and settings of today."""
    found = await version(ports.store, name)
    _about(ports, found.kind, found.content)


def _about(ports: Ports, kind: Kind, content: str) -> str:
    """Return what people know a version by."""
    try:
        opens = opened(kind, content, ports.registry, ports.settings)
    except SettingError as error:
        raise Unprocessable(error.message, code="version_refused", field="/content") from None
    if isinstance(opens, Artefact):
        size = len(base64.b64decode(content))
        return f"{opens.name}, {opens.decisions} decisions, {size:,} bytes"
    return opens if isinstance(opens, str) else f"{len(opens)} rules: {opens[0]}"[:200]
