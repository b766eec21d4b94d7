"""What people write straight into an approval document: applied if it holds, else answered in its `error` field.

A write is judged by what it changed and by who made it, never by what the document says in the end: others may have
written before and since. Called by `resume`, which knows all that from the event, and by `sweep` for what has no event.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from shared import tracing
from shared.errors import BadRequest, Conflict, Forbidden, NotFound, Refused, Unprocessable
from shared.gate.doors import seen
from shared.records.approvals import approval_of
from shared.records.decisions import AS_SHOWN, Change, decide, edit, refuse
from shared.records.documents import approval_path, task_path, to_document, to_record
from shared.serving.entry import Outcome
from shared.task.moves import Person
from shared.task.schemas import CAUSES, Cause, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Write

DECISIONS: dict[str, Literal["approve", "reject"]] = {"approved": "approve", "rejected": "reject"}
NOBODY = Person("firestore:unattributed", "firestore", is_person=False)
SET = ("intent", "parameters", "requester_email")  # what a person may set beside status and comment
LOOKED_AT = ("params_hash", "generation")  # says what the decider saw
NOTES = frozenset({"comment", "cause"})  # ask for nothing by themselves, and stay for the decision
FREE = frozenset({"status", *NOTES, *SET})


@dataclass(frozen=True, slots=True)
class Edit:
    """One write to `approvals/{task_id}`: who made it, and the document before and after; None: there was none."""

    task_id: str
    author: Person
    before: Document | None
    after: Document | None

    @property
    def changed(self) -> frozenset[str]:
        """The names of the fields that this write changed."""
        before, after = self.before or {}, self.after or {}
        return frozenset(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))


async def take(ports: Ports, write: Edit) -> Outcome:
    """Do what one write to an approval document asks for, or say there why not, and show it as it is.

    Raises:
        NotFound: it belongs to no task, or to one that was removed.
        StoreUnavailable: nothing was done.
    """
    (task,) = await ports.store.read(task_path(write.task_id))
    record = to_record(task)
    fields = {
        "task_id": record.task_id,
        "intent": record.intent,
        "state_from": record.state,
        "author": write.author.name,
    }
    if record.state != "AWAITING_APPROVAL":
        return await _too_late(ports, write, record, fields)
    shown = to_document(approval_of(record, ports.registry))
    if not _asks(write, shown):
        return Outcome("nothing_to_do", fields=fields, severity="DEBUG")
    if not write.author.is_person:
        return await _judged(ports, write, record, shown, fields)
    with tracing.entered("resume", "", kind="server", function="resume") as span:
        outcome = await _judged(ports, write, record, shown, fields)
        span.tell(outcome=outcome.code, **outcome.fields)
        return outcome


async def _judged(ports: Ports, write: Edit, record: TaskRecord, shown: Document, fields: dict[str, Any]) -> Outcome:
    try:
        decision = _decision(write)
        if decision and await _is_reversed(ports, write.task_id, decision):
            return Outcome("stale_event", fields=fields)  # somebody has thought better of it: that write counts
        after = await _apply(ports, write, decision, record, shown)
    except NotFound:
        raise
    except BadRequest as error:
        is_told = write.author.is_person and write.changed & {"status", *SET}
        if not is_told and not await _stands(ports, write, shown):
            # Such as our own writing of what was shown at that time.
            return Outcome("nothing_to_do", fields=fields, severity="DEBUG")
        await refuse(ports, write.task_id, write.author, error.code, error.message)
        return Outcome("edit_refused", fields=fields | {"error_code": error.code}, severity="WARNING")
    return Outcome("decided" if decision else "edited", fields=fields | {"state_to": after.state})


def _asks(write: Edit, shown: Document) -> bool:
    """Whether a write changed anything that is not free to be written, to something else than what is shown."""
    after = write.after
    if after is None:
        return True
    if "cause" in write.changed and after.get("cause") not in (None, "", *CAUSES):
        return True
    return any(after.get(name) != shown.get(name) for name in write.changed & shown.keys() - NOTES)


async def _is_reversed(ports: Ports, task_id: str, decision: str) -> bool:
    (approval,) = await ports.store.read(approval_path(task_id))
    status = (approval.data or {}).get("status")
    return isinstance(status, str) and DECISIONS.get(status, decision) != decision


async def _stands(ports: Ports, write: Edit, shown: Document) -> bool:
    """Whether what a write changed is still there and is not what should be."""
    (approval,) = await ports.store.read(approval_path(write.task_id))
    if write.after is None:
        return approval.data is None
    now, after = approval.data or {}, write.after
    names = write.changed & shown.keys() - {"comment"}
    return any(now.get(name) == after.get(name) != shown.get(name) for name in names)


def _decision(write: Edit) -> Literal["approve", "reject"] | None:
    """Return the decision that a write makes, or None where it leaves the status alone.

    Raises:
        Unprocessable: a status that is none of ours.
    """
    if write.after is None or "status" not in write.changed:
        return None
    status = write.after.get("status")
    if not isinstance(status, str) or status not in DECISIONS:
        raise Unprocessable("status must be approved or rejected", code="bad_status")
    return DECISIONS[status]


async def _apply(
    ports: Ports, write: Edit, decision: Literal["approve", "reject"] | None, record: TaskRecord, shown: Document
) -> TaskRecord:
    """Do what a write asks for.

    Raises:
        BadRequest: it does not hold, or whoever wrote it may not.
    """
    before, after, changed = write.before, write.after, write.changed
    if write.author == NOBODY:
        raise Forbidden("nobody knows who wrote this; write it again", code="unattributed")
    if after is None:
        raise Refused("the document was deleted while it was asked about; it is made anew", code="deleted")
    if altered := [n for n in shown if n in changed and n not in FREE and after.get(n) != shown[n]]:
        code = "params_changed" if set(altered) <= {*LOOKED_AT} else "immutable_field"
        raise Unprocessable(f"{', '.join(altered)} cannot be edited and is as before; set status again", code=code)
    looked_at = (*SET, *LOOKED_AT) if decision else SET
    if before is None or any(before.get(n, shown[n]) != shown[n] for n in looked_at):
        raise Refused("this is not what was asked about any more; look again", code="params_changed")
    look, comment, cause = seen(record), after.get("comment"), _cause(after, changed)
    change = AS_SHOWN if decision == "reject" else _change(after, changed, shown)
    if decision is None:
        return await edit(ports, record.task_id, write.author, look, change)
    said = comment if isinstance(comment, str) else ""
    return await decide(ports, record.task_id, write.author, decision, look, change, said, cause)


def _cause(after: Document, changed: frozenset[str]) -> Cause:
    """Return the cause that stands in a document for a rejection.

    Raises:
        Unprocessable: it is none of ours.
    """
    cause = after.get("cause") or "other"
    if cause not in CAUSES:
        raise Unprocessable(f"cause must be one of {', '.join(CAUSES)}", code="bad_cause")
    return cause


def _change(after: Document, changed: frozenset[str], shown: Document) -> Change:
    """Return what a write sets.

    Raises:
        Unprocessable: something of another type than the field's; what was shown does not run instead.
    """
    intent, parameters, whose = (after.get(n) if n in changed else shown[n] for n in SET)
    if not (isinstance(intent, str) and isinstance(parameters, dict)):
        raise Unprocessable("intent must be a text and parameters a map", code="bad_edit")
    if not isinstance(whose, str | None):
        raise Unprocessable("requester_email must be a text", code="bad_requester", field="/requester_email")
    email = (whose or "").strip()
    return Change(
        intent if intent != shown["intent"] else None,
        parameters if parameters != shown["parameters"] else None,
        email if email and email != shown["requester_email"] else None,
    )


async def _too_late(ports: Ports, write: Edit, record: TaskRecord, fields: dict[str, Any]) -> Outcome:
    """Say that a task does not wait: it was decided, or nobody was ever asked about it."""
    status = (write.after or {}).get("status")
    decision = DECISIONS.get(status) if isinstance(status, str) and "status" in write.changed else None
    if decision is None:
        return Outcome("nothing_to_do", fields=fields, severity="DEBUG")
    if (write.after or {}).get("outcome") is None:
        await _answer(ports, record)
    if record.approval is not None and decision == record.approval.decision:
        return Outcome("nothing_to_do", fields=fields, severity="DEBUG")
    return Outcome("edited_after_decision", fields=fields, severity="WARNING")


async def _answer(ports: Ports, record: TaskRecord) -> None:
    """Say in an open document that nobody is asked about its task: the sweep would find it for ever."""
    (approval,) = await ports.store.read(approval_path(record.task_id))
    if approval.data is None or approval.data.get("outcome") is not None:
        return
    error = f"not_waiting: the task is {record.state}, and nobody is asked about it"
    answer = {"task_id": record.task_id, "status": "none", "outcome": record.state, "error": error}
    with suppress(Conflict):  # somebody writes there again: that write has an event of its own
        await ports.store.commit(Write(approval.path, answer | {"expire_at": record.expire_at}, approval.version))
