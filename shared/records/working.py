"""A person and a task in; the task with its assignee, a note or a look, out. One compare-and-set each, no message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared.gate.doors import must_be_in_charge
from shared.records.documents import change
from shared.task import working
from shared.task.moves import Person
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports


async def assign(ports: Ports, task_id: str, person: Person, *, take: bool, over: str = "") -> TaskRecord:
    """Make a task this person's work, or nobody's; see `assigned`.

    Raises:
        NotFound, Gone: there is no such task, or no more.
        Forbidden: this person may not act on its intent.
        Refused: `taken`.
        StoreUnavailable, CommitUnknown: as for `documents.transact`.
    """
    return await _written(ports, task_id, person, lambda r, _: working.assigned(r, person, take=take, over=over))


async def note(ports: Ports, task_id: str, person: Person, text: str) -> TaskRecord:
    """Keep what a person writes beside a task, until the task is removed or erased.

    Raises:
        Unprocessable: `bad_note`.
        Refused: `too_many_notes`.
        NotFound, Gone, Forbidden, StoreUnavailable, CommitUnknown: as for `assign`.
    """
    return await _written(ports, task_id, person, lambda r, now: working.noted(r, person, text, now))


async def look(ports: Ports, task_id: str, person: Person) -> TaskRecord:
    """Say that a person has a task open, so that nobody else begins it unaware; it blocks nothing.

    Raises:
        NotFound, Gone, Forbidden, StoreUnavailable, CommitUnknown: as for `assign`.
    """
    return await _written(ports, task_id, person, lambda r, now: working.looked_at(r, person, now))


async def _written(
    ports: Ports, task_id: str, person: Person, write: Callable[[TaskRecord, datetime], TaskRecord]
) -> TaskRecord:
    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        must_be_in_charge(ports.registry, ports.settings, record, person)
        return write(record, now)

    return (await change(ports.store, task_id, arrow)).after
