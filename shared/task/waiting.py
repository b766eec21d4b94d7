"""The ways out of AWAITING_APPROVAL, and back into it where the source takes its words back. Pure.

An arrow that may not be taken raises `Refused` (a person asked) or `Skip` (a message asked) and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.canonical import params_hash
from shared.errors import Skip
from shared.intent.declaration import Intent
from shared.task.birth import Plan
from shared.task.moves import Person, decided, end, expired, move, must_wait, owe
from shared.task.schemas import (
    MAX_FOLLOWUPS,
    UNCLASSIFIED,
    Cause,
    Execution,
    Followup,
    Refusal,
    Requester,
    Review,
    TaskRecord,
    TaskRow,
)
from shared.task.search_keys import keys_of

MAX_REFUSALS = 10
MAX_REASONS = 50
MAX_NAME_CHARS = 200
MAX_PLAN_CHARS = 500
SPARED = "not_asked: "  # begins the reason for which the model was not asked
ASKED_LATE = "asked_late: "  # begins what is said of a task whose call was spared, and made after all
WOULD_FAIL = "would fail: "  # begins what a handler says of an effect that it refuses already now
EDITED = "edited: "  # begins the reasons for which the gate would have paused what a person set


def changed(
    record: TaskRecord,
    person: Person,
    *,
    intent: Intent | None,
    parameters: Mapping[str, Any],
    is_draft: bool = False,
    reasons: Sequence[str] = (),
    requester: Requester | None = None,
) -> TaskRecord:
    """Return a waiting task as a new generation with what a person set: what was approved before is void.

    `is_draft`: the parameters do not hold yet. `intent` None: none is chosen yet. `reasons`: for what the gate would
    have paused this. `requester`: whose request it is, where the person said so.
    """
    version = intent.schema_version if intent and not is_draft else 0
    name = intent.name if intent else UNCLASSIFIED
    return record.model_copy(
        update={
            "generation": record.generation + 1,
            "intent": name,
            "intent_version": version,
            "parameters": {} if is_draft else dict(parameters),
            "params_hash": params_hash(name, version, dict(parameters)),
            "requester": requester or record.requester,
            "keys": _keys(record, parameters),
            "decision": record.decision.model_copy(update={"reasons": edited(record.decision.reasons, reasons)}),
            "review": Review(
                draft=dict(parameters) if is_draft else {},
                edited_by=person.name[:MAX_NAME_CHARS],
                refusals=record.review.refusals,
            ),
        }
    )


def _keys(record: TaskRecord, parameters: Mapping[str, Any]) -> list[str]:
    """Return what the task is found by, with these parameters."""
    return keys_of(record.task_id, {}, {}, parameters, known=record.keys)


def edited(reasons: Sequence[str], found: Sequence[str]) -> list[str]:
    """Return the reasons of a task with those `found` for what a person set, in place of those for an earlier edit."""
    return [*(r for r in reasons if not r.startswith(EDITED)), *(EDITED + r for r in found)]


def edit(after: TaskRecord, person: Person, now: datetime) -> TaskRecord:
    """AWAITING_APPROVAL -> AWAITING_APPROVAL with what a person set: it is asked anew.

    Raises:
        Refused: `not_waiting` or `expired`.
    """
    must_wait(after, now)
    return move(after, "AWAITING_APPROVAL", now, by=person.name, why="edited")


def approve(
    record: TaskRecord,
    person: Person,
    now: datetime,
    *,
    intent: Intent,
    needed: int = 1,
    comment: str = "",
    why: str = "",
    hold: timedelta = timedelta(0),
) -> TaskRecord:
    """AWAITING_APPROVAL -> READY with the parameters of `record`, which the person saw or has just set.

    Where more people are `needed` than have approved by now, it waits on. `hold`: nobody begins it for so long.

    Raises:
        Refused: `not_waiting` or `expired`.
    """
    must_wait(record, now)
    given = [*record.review.approvals, decided("approve", person, now, comment)]
    review = record.review.model_copy(update={"approvals": given, "error": ""})
    why = f"approved{why}"
    if len(given) < needed:
        return move(
            record, "AWAITING_APPROVAL", now, by=person.name, why=f"{why}, {len(given)} of {needed}", review=review
        )
    return move(
        record,
        "READY",
        now,
        by=person.name,
        why=why,
        review=review,
        approval=given[-1],
        exec=record.exec.model_copy(update={"not_before": now + hold}) if hold else record.exec,
        outbox=owe(intent.topic, record.generation, now),
    )


def why_alone(row: TaskRow) -> str:
    """Return why a task is not one to be approved among many, unseen; empty: it may be."""
    if row.intent == UNCLASSIFIED or not row.parameters:
        return "it has no intent yet whose parameters hold; open it"
    return f"it {row.review.plan}; open it" if row.review.plan.startswith(WOULD_FAIL) else ""


def is_spared(record: TaskRecord) -> bool:
    """Whether the task waits as the model has said nothing of it yet, and nobody has set what would run."""
    untouched = not record.review.edited_by and not record.review.approvals
    return record.state == "AWAITING_APPROVAL" and untouched and any(map(_says_spared, record.decision.reasons))


def suggested(record: TaskRecord, plan: Plan, now: datetime) -> TaskRecord:
    """AWAITING_APPROVAL -> AWAITING_APPROVAL as a new generation with what the model says, asked after all.

    A person is looking at it, so it waits on, whatever the gate would have made of it.

    Raises:
        Skip: `already_done`: it was asked, decided or edited.
    """
    if not is_spared(record) or expired(record, now):
        raise Skip(code="already_done")
    reasons = [f"{ASKED_LATE}the model was asked when the task was opened", *plan.decision.reasons]
    return move(
        record,
        "AWAITING_APPROVAL",
        now,
        by="classify",
        why="asked_late",
        generation=record.generation + 1,
        classification=plan.classification,
        intent=plan.intent,
        intent_version=plan.intent_version,
        parameters=dict(plan.parameters),
        keys=_keys(record, plan.parameters or plan.classification.parameters),
        params_hash=params_hash(plan.intent, plan.intent_version, dict(plan.parameters)),
        decision=record.decision.model_copy(update={"reasons": reasons[:MAX_REASONS], "drawn": ""}),
        review=Review(refusals=record.review.refusals),
    )


def _says_spared(reason: str) -> bool:
    return reason.startswith(SPARED)


def planned(record: TaskRecord, text: str, at: datetime) -> TaskRecord:
    """Return a waiting task with what would happen, as of `at`: printable text of one line, capped."""
    line = "".join(c if c.isprintable() else " " for c in text)[:MAX_PLAN_CHARS].strip()
    return record.model_copy(update={"review": record.review.model_copy(update={"plan": line, "plan_at": at})})


def refused(record: TaskRecord, refusal: Refusal, error: str) -> TaskRecord:
    """Return a waiting task with one refused change more, and why it was."""
    kept = [*record.review.refusals, refusal][-MAX_REFUSALS:]
    return record.model_copy(update={"review": record.review.model_copy(update={"refusals": kept, "error": error})})


def reject(record: TaskRecord, person: Person, now: datetime, comment: str = "", cause: Cause = "other") -> TaskRecord:
    """AWAITING_APPROVAL -> REJECTED, which says of the suggestion what `cause` does.

    Raises:
        Refused: `not_waiting` or `expired`.
    """
    must_wait(record, now)
    return end(
        record,
        "REJECTED",
        now,
        by=person.name,
        why="rejected" if cause == "other" else f"rejected: {cause}",
        output="rejected by a person",
        success=False,
        approval=decided("reject", person, now, comment).model_copy(update={"cause": cause}),
    )


def expire(record: TaskRecord, now: datetime) -> TaskRecord:
    """AWAITING_APPROVAL -> EXPIRED: nobody decided in time, which is not a person's no."""
    if record.state != "AWAITING_APPROVAL" or not expired(record, now):
        raise Skip(code="not_expired")
    return end(record, "EXPIRED", now, by="system:expiry", why="nobody decided", output="nobody decided", success=False)


def follow_up(record: TaskRecord, told: Followup, reason: str, now: datetime, *, patience: timedelta) -> TaskRecord:
    """Add what the source told since. While the effect has not begun, a person must look, again perhaps.

    READY -> AWAITING_APPROVAL as a new generation where its words were taken back, so that what is under way dies; a
    task that waits keeps waiting and names the reason; otherwise it is a line.

    Raises:
        Skip: `already_told`.
    """
    if any((f.kind, f.revision, f.task_id) == (told.kind, told.revision, told.task_id) for f in record.followups):
        raise Skip(code="already_told")
    record = record.model_copy(update={"followups": [*record.followups, told][-MAX_FOLLOWUPS:]})
    reasons = record.decision.reasons
    if reason not in reasons and len(reasons) < MAX_REASONS:  # a source may tell the same without end
        reasons = [*reasons, reason]
    decision = record.decision.model_copy(update={"reasons": reasons})
    review = record.review.model_copy(update={"approvals": []})  # whoever approved did not know of this
    if record.state == "AWAITING_APPROVAL":
        return record.model_copy(update={"decision": decision, "review": review})
    is_taken_back = told.kind in ("edited", "deleted")
    if not is_taken_back or record.state != "READY" or record.effect.possibly_applied:
        return record
    waits = {"route": "approve", "expires_at": now + patience, "reminded_at": None}
    return move(
        record,
        "AWAITING_APPROVAL",
        now,
        by="source",
        why=told.kind,
        generation=record.generation + 1,
        decision=decision.model_copy(update=waits),
        review=review,
        approval=None,
        exec=Execution(epoch=record.exec.epoch),  # a new run has all its attempts and patience
        outbox=None,
        error=None,
    )
