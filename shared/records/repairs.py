"""What people do to tasks that do not wait: redrive, cancel, close, settle. One commit each, paid at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from shared.errors import Unprocessable
from shared.gate.doors import Look, approvals_needed, must_be_allowed, must_be_current
from shared.records.approvals import change_both
from shared.records.decisions import AS_SHOWN, Change, changed, chosen, gated
from shared.records.documents import task_path, to_record
from shared.task import repair
from shared.task.moves import Person
from shared.task.redrive import ask_again
from shared.task.redrive import redrive as run_again
from shared.task.requester import must_be_known
from shared.task.schemas import TaskRecord
from shared.task.waiting import edited
from shared.wiring.composition import Ports

Then = Literal["run", "wait"]


async def redrive(
    ports: Ports,
    task_id: str,
    person: Person,
    look: Look,
    *,
    reason: str,
    then: Then | None = None,
    not_applied: bool = False,
    change: Change = AS_SHOWN,
    only_tell: bool = False,
) -> TaskRecord:
    """Let an ended task go on as a new generation.

    It runs at once if a person had approved just this, or looks at it alone and one person is enough; or if it ran
    without a person, in which case today's limits are asked at its start. Otherwise, and where they want it so by
    `then`, it waits for a decision, for which its effect is looked up.
    `only_tell`: nothing is written, and the record is what would become of it.

    Raises:
        NotFound, Refused, Unprocessable, Forbidden: as for `decisions.decide`.
    """
    if then == "run" and not look.alone:
        raise Unprocessable("of many at once none is approved unseen; leave `then` out", field="/then")
    patience = timedelta(seconds=ports.settings.approval_ttl_s)

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        looked_at = _looked_at(ports, record, person, look, now, change.intent)
        if then == "wait":
            after = changed(ports, record, person, change)
            return ask_again(
                record,
                after,
                person,
                now,
                reason=reason,
                not_applied=not_applied,
                looked_at=looked_at,
                patience=patience,
            )
        known, intent, parameters = chosen(ports, record, person, change)
        must_be_known(known, intent)
        reasons = record.decision.reasons
        if (intent.name, parameters) != (record.intent, record.parameters):
            reasons = edited(reasons, gated(ports, known, intent, parameters))
        return run_again(
            record.model_copy(update={"decision": record.decision.model_copy(update={"reasons": reasons})}),
            person,
            now,
            reason=reason,
            intent=intent,
            parameters=parameters,
            not_applied=not_applied,
            looked_at=looked_at,
            requester=known.requester if known is not record else None,
            approves=look.alone,
            needed=approvals_needed(intent, parameters, reasons),
            patience=patience,
        )

    if only_tell:
        (found,) = await ports.store.read(task_path(task_id))
        return arrow(to_record(found), found.read_time)
    return (await change_both(ports, task_id, arrow))[1]


async def cancel(ports: Ports, task_id: str, person: Person, look: Look, *, reason: str) -> TaskRecord:
    """End a task whose effect has certainly not begun.

    Raises:
        NotFound, Refused, Forbidden: as for `decisions.decide`.
    """
    return await _repaired(ports, task_id, person, look, lambda r, now, _: repair.cancel(r, person, reason, now))


async def close(ports: Ports, task_id: str, person: Person, look: Look, *, reason: str) -> TaskRecord:
    """Let a FAILED task want nobody any more: it stays FAILED, and nothing runs.

    Raises:
        NotFound, Refused, Forbidden: as for `decisions.decide`.
    """
    return await _repaired(ports, task_id, person, look, lambda r, now, _: repair.close(r, person, reason, now))


async def settle(
    ports: Ports,
    task_id: str,
    person: Person,
    look: Look,
    *,
    verdict: Literal["applied", "not_applied"],
    reason: str,
) -> TaskRecord:
    """End an UNKNOWN task by what a person found at the provider.

    Raises:
        NotFound, Refused, Forbidden: as for `decisions.decide`.
    """

    def settled(record: TaskRecord, now: datetime, looked_at: datetime) -> TaskRecord:
        return repair.settle(record, person, verdict, reason, now, looked_at=looked_at)

    return await _repaired(ports, task_id, person, look, settled)


async def _repaired(
    ports: Ports,
    task_id: str,
    person: Person,
    look: Look,
    repaired: Callable[[TaskRecord, datetime, datetime], TaskRecord],
) -> TaskRecord:
    """Apply an arrow of the record, now, and when the person looked."""

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        return repaired(record, now, _looked_at(ports, record, person, look, now))

    return (await change_both(ports, task_id, arrow))[1]


def _looked_at(
    ports: Ports, record: TaskRecord, person: Person, look: Look, now: datetime, intent: str | None = None
) -> datetime:
    """Ask what every door asks, and return when the person looked; a click may arrive much later than that."""
    must_be_allowed(ports.registry, ports.settings, record, person, intent)
    must_be_current(record, look)
    return now if look.at is None else min(look.at, now)
