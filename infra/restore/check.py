"""The documents of a database in; whether they fit together, and what will move once functions use it, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from pydantic import ValidationError

from functions.sweep.pages import pages
from shared.errors import Gone, SwitchyardError
from shared.records.documents import approval_path, to_record
from shared.records.switches import is_off, switch_path
from shared.task.schemas import TERMINAL, TaskRecord
from shared.wiring.ports import Snapshot, Store

PAGE, MOST_PAGES = 200, 100_000
# May happen once more, or for the first time, after what the snapshot knows: their effects are to be looked up.
IN_DOUBT = ("READY", "EXECUTING", "AWAITING_APPROVAL", "UNKNOWN")


@dataclass
class Report:
    """What was found. `states` counts tasks; `problems` name documents that do not fit, a sentence each.

    `in_doubt`: tasks that had not ended at that time, by intent. Whatever happened to them since, the database does not
    know. `held`: intents whose switch is off.
    """

    states: Counter[str] = field(default_factory=Counter)
    in_doubt: Counter[str] = field(default_factory=Counter)
    owed: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)
    held: frozenset[str] = frozenset()

    @property
    def tasks(self) -> int:
        """How many tasks there are, tombstones among them."""
        return sum(self.states.values())

    @property
    def loose(self) -> set[str]:
        """Intents of tasks in doubt that would run as soon as functions use the database."""
        return set(self.in_doubt) - self.held


async def check(store: Store, intents: Mapping[str, object]) -> Report:
    """Read every task and every open approval.

    Raises:
        StoreUnavailable: it was not read to its end.
    """
    report, states = Report(), dict[str, str]()
    async for snapshot in _all(store, "tasks"):
        record = _record(snapshot, report)
        if record is None:
            continue
        states[record.task_id] = record.state
        _count(record, report)
        report.problems += _of_task(record)
    open_ones: set[str] = set()
    async for approval in _all(store, "approvals"):
        if (approval.data or {}).get("outcome") is None:
            open_ones.add(approval.id)
    report.problems += _of_approvals(states, open_ones)
    switches = await store.read(*map(switch_path, intents)) if intents else []
    report.held = frozenset(switch.id for switch in switches if is_off(switch))
    return report


def _record(snapshot: Snapshot, report: Report) -> TaskRecord | None:
    try:
        return to_record(snapshot)
    except Gone:
        report.states["tombstone"] += 1
    except (SwitchyardError, ValidationError) as error:
        report.states["unreadable"] += 1
        report.problems.append(f"{snapshot.path} cannot be read: {_why(error)}")
    return None


def _why(error: SwitchyardError | ValidationError) -> str:
    """Return which member is wrong, and never what is in it."""
    if isinstance(error, SwitchyardError):
        return error.code
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))} ({first['type']})"


def _count(record: TaskRecord, report: Report) -> None:
    report.states[record.state] += 1
    report.owed += record.outbox is not None
    report.waiting += record.state == "AWAITING_APPROVAL"
    if record.state in IN_DOUBT:
        report.in_doubt[record.intent] += 1


def _of_task(record: TaskRecord) -> Iterator[str]:
    moves = record.state in ("READY", "EXECUTING", "AWAITING_APPROVAL")
    if (moves or record.outbox is not None) and record.next_check_at is None:
        yield f"tasks/{record.task_id} is {record.state} and never looked at again: next_check_at is null"
    if record.state == "EXECUTING" and record.exec.lease_until is None:
        yield f"tasks/{record.task_id} is EXECUTING and nobody holds it: exec.lease_until is null"
    if record.state in TERMINAL and record.history and record.history[-1].to != record.state:
        yield f"tasks/{record.task_id} is {record.state}, and its history ends with {record.history[-1].to}"


def _of_approvals(states: Mapping[str, str], open_ones: set[str]) -> Iterator[str]:
    waiting = {task_id for task_id, state in states.items() if state == "AWAITING_APPROVAL"}
    for task_id in sorted(waiting - open_ones):
        yield f"tasks/{task_id} waits for a person, and {approval_path(task_id)} is not open"
    for task_id in sorted(open_ones - waiting):
        yield f"{approval_path(task_id)} is open, and its task is {states.get(task_id, 'not there')}"


async def _all(store: Store, collection: str) -> AsyncIterator[Snapshot]:
    async for page in pages(partial(store.query, collection), PAGE, MOST_PAGES):
        for snapshot in page:
            yield snapshot
