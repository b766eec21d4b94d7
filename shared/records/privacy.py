"""A person in; their tasks, approvals, labels and dead letters out: what somebody may ask of whoever keeps their data.

Tasks and labels are found by the key in them, letters by looking through all of them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from shared.errors import Forbidden, Misconfigured, NotFound
from shared.event.mailbox import mailbox, same_address
from shared.event.payload import requester
from shared.records.documents import approval_path, change, task_path, to_record, tombstone_in
from shared.records.labels import label_path
from shared.task.moves import Person
from shared.task.requester_key import key_for, key_of, keyed, prefix_of
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Filter, Row, Snapshot

MAX_COUNT = 10_000_000
IN_FLIGHT = 10
FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)
KEY = "requester.key"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person whose data is asked for: the key of their tasks, and how their address is written, if it is known."""

    key: str
    address: re.Pattern[bytes] | None

    def is_named_in(self, data: bytes) -> bool:
        """Whether their address stands in a text, also as a form or a URL writes it."""
        return self.address is not None and self.address.search(data.lower()) is not None


def must_be_officer(ports: Ports, person: Person) -> None:
    """Let only those pass whom `PRIVACY_OFFICERS` names; on a local backend whoever is there, where it names nobody.

    Raises:
        Forbidden: `not_a_privacy_officer`.
    """
    officers, local = ports.settings.privacy_officers, ports.settings.local
    if not (local and not officers) and not any(same_address(person.name, officer) for officer in officers):
        why = "PRIVACY_OFFICERS does not name you" if officers else "PRIVACY_OFFICERS names nobody"
        raise Forbidden(f"{why}: nothing is exported or erased for you", code="not_a_privacy_officer")


def someone(ports: Ports, named: str) -> Someone:
    """Return a person as an officer names them: by an e-mail address, or by `<source>:<id>`.

    Raises:
        BadRequest: it is neither.
        Misconfigured: there is no `PRIVACY_KEY`.
    """
    key = key_for(_secret(ports), named)
    name, at, host = (re.escape(part.lower()).encode() for part in mailbox(named).partition("@"))
    tag = rb"(?:(?:\+|%2b)[^@%\s]{0,64})?"
    spelled = rb"(?<![a-z0-9._-])" + name + tag + rb"(?:@|%40)" + host + rb"(?![a-z0-9-])"
    return Someone(key, re.compile(spelled) if at else None)


async def coverage(ports: Ports) -> tuple[int, int]:
    """Return how many tasks there are, and how many of them have a key of today's secret.

    Fewer have one after an upgrade, after the secret was changed, and after a person said whose a request is.
    """
    prefix = prefix_of(_secret(ports))
    since = [Filter("created_at", ">=", FIRST_DAY)]
    begins = [Filter(KEY, ">=", prefix), Filter(KEY, "<=", f"{prefix}g")]  # behind the dot are hexadecimal digits
    store = ports.store
    everything, with_key = await asyncio.gather(
        store.count("tasks", where=since, up_to=MAX_COUNT), store.count("tasks", where=begins, up_to=MAX_COUNT)
    )
    return everything, with_key


async def give_keys(ports: Ports, limit: int, after: Row | None) -> tuple[list[Row], list[str]]:
    """Give up to `limit` tasks their key, newest first, where they have none or one of another secret.

    Return all that were looked at, and the ids of those that cannot be read.

    Raises:
        StoreUnavailable: some have theirs; asked again, it goes on.
    """
    secret, unreadable = _secret(ports), []
    rows = await ports.store.query_rows(
        "tasks", ("requester", "created_at"), order_by="created_at", descending=True, limit=limit, after=after
    )
    stale = [r.id for r in rows if not _key_in(r).startswith(prefix_of(secret))]

    async def one(task_id: str) -> None:
        try:
            await change(ports.store, task_id, lambda record, _: keyed(record, secret))
        except NotFound:  # removed since
            return
        except ValidationError:
            unreadable.append(task_id)

    await each_of(stale, one)
    return rows, unreadable


async def tasks_of(ports: Ports, who: Someone, limit: int, after: Row | None) -> list[Snapshot]:
    """Return up to `limit` tasks of a person, newest first."""
    where = [Filter(KEY, "==", who.key)]
    return await ports.store.query(
        "tasks", where=where, order_by="created_at", descending=True, limit=limit, after=after
    )


async def rows_of(ports: Ports, who: Someone, members: Sequence[str], limit: int, after: Row | None) -> list[Row]:
    """Return these members of up to `limit` tasks of a person, newest first."""
    where = [Filter(KEY, "==", who.key)]
    return await ports.store.query_rows(
        "tasks", members, where=where, order_by="created_at", descending=True, limit=limit, after=after
    )


async def approvals_of(ports: Ports, tasks: Sequence[Snapshot]) -> list[Snapshot]:
    """Return the approval documents of tasks, where there are any."""
    found = await ports.store.read(*(approval_path(s.id) for s in tasks)) if tasks else []
    return [s for s in found if s.data is not None]


async def labels_beside(ports: Ports, tasks: Sequence[Snapshot]) -> list[Snapshot]:
    """Return the labels of tasks, where there are any, whatever key is in them."""
    found = await ports.store.read(*(label_path(s.id) for s in tasks)) if tasks else []
    return [s for s in found if s.data is not None]


async def labels_of(ports: Ports, who: Someone, limit: int, after: Row | None) -> list[Snapshot]:
    """Return up to `limit` labels that have a person's key, also of tasks that are gone, by their paths."""
    where = [Filter("requester_key", "==", who.key)]
    return await ports.store.query("labels", where=where, limit=limit, after=after)


async def letters_looked_at(ports: Ports, limit: int, after: Row | None) -> list[Snapshot]:
    """Return up to `limit` dead letters of anybody, newest first: what is in their bytes nobody has indexed."""
    return await ports.store.query("dead_letters", order_by="created_at", descending=True, limit=limit, after=after)


async def theirs(ports: Ports, who: Someone, letters: Sequence[Snapshot]) -> list[Snapshot]:
    """Return those letters that are about a task of this person, were written by them, or name their address."""
    paths = {task_path(str(s.data["task_id"])) for s in letters if s.data and s.data.get("task_id")}
    tasks = {s.id for s in await ports.store.read(*paths) if is_of(ports, s, who)} if paths else set()
    return [s for s in letters if s.data and (s.data.get("task_id") in tasks or _wrote(ports, who, s.data))]


def is_of(ports: Ports, snapshot: Snapshot, who: Someone) -> bool:
    """Whether a task, and no tombstone, is of this person as its record has it by now."""
    if snapshot.data is None or tombstone_in(snapshot):
        return False
    try:
        record: TaskRecord = keyed(to_record(snapshot), _secret(ports))
    except ValidationError:  # of a later version, or edited by hand
        return False
    return record.requester is not None and record.requester.key == who.key


def _wrote(ports: Ports, who: Someone, letter: Document) -> bool:
    """Whether the bytes of a letter are an event of this person, or name their address."""
    data = base64.b64decode(str(letter.get("data", "")))
    try:
        sent = json.loads(data)
    except (ValueError, RecursionError):  # cut, or it never was JSON
        sent = None
    sent = sent if isinstance(sent, dict) else {}
    source, payload = sent.get("source"), sent.get("raw_payload")
    if webhook := letter.get("source"):  # its body as it came
        source, payload = webhook, sent
    if not (isinstance(source, str) and isinstance(payload, dict)):
        return who.is_named_in(data)
    return key_of(_secret(ports), source, requester(source, payload)) == who.key or who.is_named_in(data)


def _key_in(row: Row) -> str:
    known = row.data.get("requester")
    return str(known.get("key", "")) if isinstance(known, dict) else ""


async def each_of(ids: Sequence[str], work: Callable[[str], Awaitable[None]]) -> None:
    """Do it to all, a few at once; the first error is raised once none is under way any more."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(item: str) -> None:
        async with slots:
            await work(item)

    for done in await asyncio.gather(*map(one, ids), return_exceptions=True):
        if isinstance(done, BaseException):
            raise done


def _secret(ports: Ports) -> str:
    if not ports.settings.privacy_key:
        raise Misconfigured("PRIVACY_KEY is not set; nobody's tasks can be found until it is", code="setting_missing")
    return ports.settings.privacy_key
