"""What people do to one task, over the JSON API: decide, redrive, cancel, close, settle. Bodies in, the record out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console.bodies import body_of
from shared.errors import Unprocessable
from shared.gate.doors import Look
from shared.records import decisions, repairs
from shared.records.decisions import Change
from shared.records.repairs import Then
from shared.serving.entry import Outcome, log_outcome, started
from shared.task.moves import Person
from shared.task.schemas import Cause, Model, TaskRecord
from shared.wiring.composition import Ports

ACTIONS = ("undo", "redrive", "cancel", "close", "settle")
THEN = (
    "For redrive: wait for a decision, with what would happen looked up first; or run now, in your name if nobody had "
    "approved just this. Default: run what you looked at alone, of many what was approved or needed nobody"
)
WHOSE = "Whose request it is, where the event does not say: an e-mail address"


class LookBody(Model):
    """What somebody saw of a task before they acted: nothing is done to a task that has moved on since."""

    generation: int = Field(ge=1, description="Of the task, as it was shown")
    params_hash: str = Field(max_length=64, description="Of the parameters, as they were shown")
    looked_at: AwareDatetime | None = Field(default=None, description="When that was; default: now")
    alone: bool = Field(default=True, description="false: it was one of many in a list")

    @property
    def look(self) -> Look:
        """The same, as decisions take it."""
        return Look(self.generation, self.params_hash, self.looked_at, self.alone)


class DecisionBody(LookBody):
    """What `POST /api/approvals/{task_id}` takes. `edit` sets what would run, and asks anew."""

    decision: Literal["approve", "reject", "edit"]
    parameters: dict[str, Any] | None = None
    intent: str | None = None
    comment: str = Field(default="", max_length=1000)
    undoable: bool = Field(default=False, description="Hold an approval for as long as its intent declares: see undo")
    cause: Cause | None = Field(default=None, description="What a rejection says of the suggestion; default: other")
    requester_email: str | None = Field(default=None, max_length=254, description=WHOSE)


class RepairBody(LookBody):
    """What redrive, cancel, close and settle take. `verdict` is what was found at the provider."""

    reason: str = Field(min_length=1, max_length=300)
    verdict: Literal["applied", "not_applied"] | None = None
    intent: str | None = Field(default=None, description="For redrive: run it as this, or ask about it as this")
    parameters: dict[str, Any] | None = Field(default=None, description="For redrive: amounts are in minor units")
    requester_email: str | None = Field(default=None, max_length=254, description=f"For redrive: {WHOSE}")
    then: Then | None = Field(default=None, description=THEN)
    dry_run: bool = Field(default=False, description="For redrive: answer with what it would become, and do nothing")


async def decide(request: Request, ports: Ports, who: Person, task_id: str) -> Response:
    """Approve, reject or edit a waiting task."""
    began = started()
    body = await body_of(request, DecisionBody)
    if body.cause is not None and body.decision != "reject":
        raise Unprocessable("only a rejection has a cause; leave it out", field="/cause")
    change = Change(body.intent, body.parameters, body.requester_email)
    if body.decision == "edit":
        return _done(await decisions.edit(ports, task_id, who, body.look, change), began, "edit")
    record = await decisions.decide(
        ports,
        task_id,
        who,
        body.decision,
        body.look,
        change,
        body.comment,
        body.cause or "other",
        undoable=body.undoable,
    )
    return _done(record, began, body.decision)


async def undo(request: Request, ports: Ports, who: Person, task_id: str) -> Response:
    """Take an approval or a rejection back before anything has come of it."""
    began = started()
    body = await body_of(request, LookBody)
    return _done(await decisions.undo(ports, task_id, who, body.look), began, "undo")


async def repair(request: Request, ports: Ports, who: Person, task_id: str, action: str) -> Response:
    """Redrive, cancel, close or settle a task."""
    began = started()
    body = await body_of(request, RepairBody)
    for name in ("then", "dry_run"):
        if getattr(body, name) and action != "redrive":
            raise Unprocessable("only a redrive takes this; leave it out", field=f"/{name}")
    record = await _repaired(ports, who, task_id, action, body)
    return answer(record) if body.dry_run else _done(record, began, action)


async def _repaired(ports: Ports, who: Person, task_id: str, action: str, body: RepairBody) -> TaskRecord:
    if action == "cancel":
        return await repairs.cancel(ports, task_id, who, body.look, reason=body.reason)
    if action == "close":
        return await repairs.close(ports, task_id, who, body.look, reason=body.reason)
    if action == "redrive":
        return await repairs.redrive(
            ports,
            task_id,
            who,
            body.look,
            reason=body.reason,
            then=body.then,
            not_applied=body.verdict == "not_applied",
            change=Change(body.intent, body.parameters, body.requester_email),
            only_tell=body.dry_run,
        )
    if body.verdict is None:
        raise Unprocessable("verdict must say applied or not_applied", field="/verdict")
    return await repairs.settle(ports, task_id, who, body.look, verdict=body.verdict, reason=body.reason)


def _done(record: TaskRecord, began: float, action: str) -> Response:
    fields = {
        "task_id": record.task_id,
        "intent": record.intent,
        "generation": record.generation,
        "operation": action,
        "state_from": record.history[-1].from_state,
        "state_to": record.state,
        "trace_id": record.trace_id,
    }
    log_outcome("console", Outcome(f"{action}_done", fields=fields), began)
    return answer(record)


def answer(record: TaskRecord) -> Response:
    """Return the task as it stands."""
    return JSONResponse(record.model_dump(mode="json"))
