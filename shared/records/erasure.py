"""Ended tasks, labels and closed letters of a person in; tombstones, emptied documents and a line in `audit` out.

Told in `audit` before anything is erased, and going on where it was broken off when it is asked for again. Open work is
never erased.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.errors import Conflict, Refused, Unprocessable
from shared.records.cards import reopen_cards
from shared.records.documents import task_path, to_record, tombstone_in
from shared.records.labels import label_path
from shared.records.letters import LETTER_ID
from shared.records.privacy import Someone, each_of, is_of, theirs
from shared.records.tombstones import entomb
from shared.task.letter import DeadLetter
from shared.task.moves import Person
from shared.task.schemas import Model, State
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Write

MAX_ITEMS = 50  # of one request
EMPTIED = {"text": "", "text_sha256": "", "requester_key": ""}  # of a label; what it says of the classifier stays
# What has to be done about an open task before it can be erased.
FIRST: dict[State, str] = {
    "AWAITING_APPROVAL": "approve, reject or cancel it first",
    "READY": "cancel it first, or wait until it has ended",
    "EXECUTING": "wait until it has ended",
    "UNKNOWN": "look at the provider and settle it first",
}


class Audit(Model):
    """The document `audit/{id}`: who had what erased. It names the person by key only, and is kept."""

    schema_version: Literal[1] = 1
    by: str
    channel: str
    at: datetime
    reason: str
    requester_key: str
    task_ids: list[str]
    letter_ids: list[str]
    label_ids: list[str] = Field(default=[], description="The tasks whose labels")
    erased: int = Field(default=0, description="How many of these were erased, or had been before")
    done_at: datetime | None = Field(default=None, description="null: it was broken off; asked again, it goes on")


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of the things named: `erased` are ids, `left` tells of each other id what has to be done first."""

    audit_id: str
    erased: list[str]
    left: dict[str, str]


async def erase(
    ports: Ports,
    who: Someone,
    officer: Person,
    *,
    reason: str,
    task_ids: Sequence[str],
    letter_ids: Sequence[str],
    label_ids: Sequence[str] = (),
) -> Erased:
    """Erase these tasks with approvals and labels, and these letters, as far as they ended; say so in `audit` first.

    `label_ids`: the tasks of further labels, which are gone themselves.

    Raises:
        Unprocessable: the reason names the person, and is kept.
        StoreUnavailable: some of it may be erased; asked again, it goes on.
    """
    if who.is_named_in(reason.encode()):
        raise Unprocessable("the reason is kept, so it must not name the person", code="bad_reason", field="/reason")
    path = f"audit/{secrets.token_hex(16)}"
    (absent,) = await ports.store.read(path)
    audit = Audit(
        by=officer.name,
        channel=officer.channel,
        at=absent.read_time,
        reason=reason,
        requester_key=who.key,
        task_ids=list(task_ids),
        letter_ids=list(letter_ids),
        label_ids=list(label_ids),
    )
    (version,) = await ports.store.commit(Write(path, audit.model_dump(), ABSENT))
    left: dict[str, str] = {}

    async def letter(letter_id: str) -> None:
        if why := await _erase_letter(ports, who, letter_id):
            left[letter_id] = why

    async def task(task_id: str) -> None:
        if why := await _erase_task(ports, who, task_id):
            left[task_id] = why

    async def label(task_id: str) -> None:
        if why := await _erase_label(ports, who, task_id):
            left[task_id] = why

    await each_of(letter_ids, letter)  # first: some are known as theirs by their task only
    await each_of(label_ids, label)
    await each_of(task_ids, task)
    erased = [i for i in dict.fromkeys((*task_ids, *letter_ids, *label_ids)) if i not in left]
    (now,) = await ports.store.read(path)
    done = audit.model_copy(update={"erased": len(erased), "done_at": now.read_time})
    await ports.store.commit(Write(path, done.model_dump(), version))
    return Erased(path.rpartition("/")[2], erased, left)


async def _erase_task(ports: Ports, who: Someone, task_id: str) -> str:
    """Return why a task is left as it is, or nothing."""
    (snapshot,) = await ports.store.read(task_path(task_id))
    if tombstone_in(snapshot):
        return await _erase_cards(ports, task_id)
    if not is_of(ports, snapshot, who):
        return "there is no such task of theirs"
    record = to_record(snapshot)
    if record.state in FIRST:
        return FIRST[record.state]
    await _erase_label(ports, who, task_id, is_theirs=True)  # first: afterwards nothing may tell whose it is
    try:
        await entomb(ports, task_id)
    except Refused as error:
        return FIRST.get(record.state, error.message)
    return await _erase_cards(ports, task_id)


async def _erase_cards(ports: Ports, task_id: str) -> str:
    try:
        await reopen_cards(ports.store, task_id)
    except Conflict:
        return "its card in a chat is just being drawn; try again"
    return ""


async def _erase_label(ports: Ports, who: Someone, task_id: str, *, is_theirs: bool = False) -> str:
    """Return why a label is left as it is, or nothing."""
    (snapshot,) = await ports.store.read(label_path(task_id))
    known = snapshot.data or {}
    if known == known | EMPTIED or (is_theirs and not known):
        return ""
    if not is_theirs and known.get("requester_key") != who.key:
        return "there is no such label of theirs"
    try:
        await ports.store.commit(Write(snapshot.path, known | EMPTIED, snapshot.version))
    except Conflict:
        return "somebody has just changed it; try again"
    return ""


async def _erase_letter(ports: Ports, who: Someone, letter_id: str) -> str:
    if not LETTER_ID.fullmatch(letter_id):
        return "there is no such letter of theirs"
    (snapshot,) = await ports.store.read(f"dead_letters/{letter_id}")
    letter = DeadLetter.model_validate(snapshot.data) if snapshot.data else None
    if letter is not None and letter.data == "":
        return ""
    if letter is None or not await theirs(ports, who, [snapshot]):
        return "there is no such letter of theirs"
    if letter.redriven_at is None:
        return "redrive or close it first"
    emptied = letter.model_copy(update={"data": "", "redriven_why": ""})
    try:
        await ports.store.commit(Write(snapshot.path, emptied.model_dump(), snapshot.version))
    except Conflict:
        return "somebody has just changed it; try again"
    return ""
