"""Work beside a decision, from the page and over the API: taking a task, writing a note, saying who has it open."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console.bodies import body_of
from shared.records import working
from shared.serving.entry import Outcome, log_outcome, started
from shared.task.moves import Person
from shared.task.schemas import MAX_NOTE_CHARS, Model, TaskRecord
from shared.wiring.composition import Ports


class AssignBody(Model):
    """What makes a task yours, or nobody's. One that is somebody else's is refused, unless `over` names them."""

    take: bool = Field(default=True, description="false: leave it, so that it is nobody's")
    over: str = Field(default="", max_length=254, description="Whose it is, where you take or free somebody else's")


class NoteBody(Model):
    """What somebody writes beside a task; it decides nothing."""

    text: str = Field(min_length=1, max_length=MAX_NOTE_CHARS)


class LookingBody(Model):
    """Says that you have a task open, for 90 seconds; it takes nothing."""


BODIES: Mapping[str, type[Model]] = {"assign": AssignBody, "note": NoteBody, "look": LookingBody}
ACTIONS = tuple(BODIES)


async def respond(request: Request, ports: Ports, who: Person, task_id: str, action: str) -> Response:
    """Do one of them over the API, and answer with the task."""
    began = started()
    body = await body_of(request, BODIES[action])
    record = await _done(ports, who, task_id, body)
    fields = {"task_id": task_id, "intent": record.intent, "operation": action}
    log_outcome("console", Outcome(f"{action}_done", fields=fields), began)
    return JSONResponse(record.model_dump(mode="json"))


async def submit(ports: Ports, who: Person, task_id: str, action: str, form: Mapping[str, str]) -> None:
    """Do what a form of the task's page says."""
    if action == "assign":
        await working.assign(ports, task_id, who, take=form.get("take") == "yes", over=form.get("over", ""))
    elif action == "note":
        await working.note(ports, task_id, who, form.get("text", ""))
    else:
        await working.look(ports, task_id, who)


async def _done(ports: Ports, who: Person, task_id: str, body: Model) -> TaskRecord:
    if isinstance(body, AssignBody):
        return await working.assign(ports, task_id, who, take=body.take, over=body.over)
    if isinstance(body, NoteBody):
        return await working.note(ports, task_id, who, body.text)
    return await working.look(ports, task_id, who)
