"""The JSON API: look at tasks, decide approvals, redrive, cancel, settle. GET shows, only POST changes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console.identity import person
from shared import decisions
from shared.composition import Ports
from shared.decisions import Wish
from shared.entry import Outcome, log_outcome, read_body, started
from shared.errors import BadRequest, Forbidden, MethodNotAllowed, NotFound, Unprocessable, UnsupportedMediaType
from shared.moves import Person
from shared.ports import Filter, Snapshot
from shared.schemas import MAX_PAYLOAD_BYTES, Model, State, TaskRecord
from shared.strict_json import parse_object
from shared.tasks import task_path, to_record

MAX_PAGE = 200
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
ACTIONS = ("redrive", "cancel", "settle")
DESCRIPTION = Path(__file__).with_name("openapi.json")
T = TypeVar("T", bound=Model)
_TASK = re.compile(rf"/api/tasks/(?P<task_id>[A-Za-z0-9][A-Za-z0-9._-]{{0,127}})(?:/(?P<action>{'|'.join(ACTIONS)}))?")
_LIMIT = re.compile(r"[0-9]{1,3}")
_APPROVAL = re.compile(r"/api/approvals/(?P<task_id>[A-Za-z0-9][A-Za-z0-9._-]{0,127})")


class DecisionBody(Model):
    """What `POST /api/approvals/{task_id}` takes. `params_hash` is the hash of the parameters that were shown."""

    decision: Literal["approve", "reject"]
    params_hash: str = Field(max_length=64)
    parameters: dict[str, Any] | None = None
    intent: str | None = None
    comment: str = Field(default="", max_length=1000)


class RepairBody(Model):
    """What redrive, cancel and settle take. `verdict` is what was found at the provider about this `generation`."""

    reason: str = Field(min_length=1, max_length=300)
    verdict: Literal["applied", "not_applied"] | None = None
    generation: int | None = Field(default=None, ge=1)
    intent: str | None = None
    parameters: dict[str, Any] | None = None


def is_for_programs(request: Request) -> bool:
    """Whether a request is for this API, and not for a page."""
    return request.url.path.startswith("/api/") or request.url.path.rstrip("/") in ("/healthz", "/openapi.json")


async def respond(request: Request, ports: Ports) -> Response:
    """Route one request.

    Raises:
        SwitchyardError: mapped to its status by the entry point.
    """
    path = request.url.path.rstrip("/") or "/"
    if path == "/healthz":
        _only(request, "GET")
        return JSONResponse({"status": "ok"})
    if path == "/openapi.json":
        _only(request, "GET")
        return Response(DESCRIPTION.read_bytes(), media_type="application/json")
    if ports.settings.local and request.url.hostname not in LOCAL_HOSTS:
        # A page whose own name was made to resolve to this machine could else decide in the developer's name.
        raise Forbidden("the local console answers to 127.0.0.1 and localhost only", field="host")
    who = await person(request.headers, ports.settings)
    if path == "/api/tasks":
        _only(request, "GET")
        return await _list(request, ports)
    if match := _APPROVAL.fullmatch(path):
        _only(request, "POST")
        return await _decide(request, ports, who, match["task_id"])
    if match := _TASK.fullmatch(path):
        _only(request, "POST" if match["action"] else "GET")
        if match["action"]:
            return await _repair(request, ports, who, match["task_id"], match["action"])
        (snapshot,) = await ports.store.read(task_path(match["task_id"]))
        return _answer(to_record(snapshot))
    raise NotFound("there is nothing here; see /api/tasks", code="not_found")


async def _list(request: Request, ports: Ports) -> Response:
    """Newest first, without payloads; `next_page_token` where there is more."""
    query = request.query_params
    state, intent, limit = query.get("state"), query.get("intent"), query.get("limit", "50")
    if state is not None and state not in get_args(State):
        raise BadRequest(f"state must be one of {', '.join(get_args(State))}", code="bad_query", field="state")
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= MAX_PAGE:
        raise BadRequest(f"limit must be a whole number from 1 to {MAX_PAGE}", code="bad_query", field="limit")
    where = [Filter(k, "==", v) for k, v in (("state", state), ("intent", intent)) if v is not None]
    found = await ports.store.query(
        "tasks", where=where, order_by="created_at", descending=True, limit=int(limit), after=_from_token(query),
    )  # fmt: skip
    tasks = [to_record(s).model_dump(mode="json", exclude={"payload"}) for s in found]
    token = _to_token(found[-1]) if len(found) == int(limit) else None
    return JSONResponse({"tasks": tasks, "next_page_token": token})


async def _decide(request: Request, ports: Ports, who: Person, task_id: str) -> Response:
    began = started()
    body = await _body(request, DecisionBody)
    wish = Wish(body.decision, body.params_hash, body.intent, body.parameters, body.comment)
    return _done(await decisions.decide(ports, task_id, who, wish), began, body.decision)


async def _repair(request: Request, ports: Ports, who: Person, task_id: str, action: str) -> Response:
    began = started()
    body = await _body(request, RepairBody)
    if action == "cancel":
        record = await decisions.cancel(ports, task_id, who, reason=body.reason)
    elif action == "redrive":
        record = await decisions.redrive(
            ports, task_id, who, reason=body.reason, not_applied=body.verdict == "not_applied", intent=body.intent,
            parameters=body.parameters, generation=body.generation,
        )  # fmt: skip
    elif body.verdict is None:
        raise Unprocessable("verdict must say applied or not_applied", field="/verdict")
    else:
        record = await decisions.settle(
            ports, task_id, who, verdict=body.verdict, reason=body.reason, generation=body.generation
        )
    return _done(record, began, action)


async def _body(request: Request, model: type[T]) -> T:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType("send application/json", field="content-type")
    value = parse_object(await read_body(request, MAX_PAYLOAD_BYTES))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        pointer = "/" + "/".join(str(p) for p in first["loc"])
        raise Unprocessable(first["msg"], code="invalid_body", field=pointer[:200]) from None


def _done(record: TaskRecord, began: float, action: str) -> Response:
    fields = {
        "task_id": record.task_id, "intent": record.intent, "generation": record.generation, "operation": action,
        "state_from": record.history[-1].from_state, "state_to": record.state, "trace_id": record.trace_id,
    }  # fmt: skip
    log_outcome("console", Outcome(f"{action}_done", fields=fields), began)
    return _answer(record)


def _answer(record: TaskRecord) -> Response:
    return JSONResponse(record.model_dump(mode="json"))


def _only(request: Request, method: str) -> None:
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        raise MethodNotAllowed(f"use {method} here")


def _to_token(snapshot: Snapshot) -> str:
    created_at = (snapshot.data or {})["created_at"]
    return base64.urlsafe_b64encode(f"{created_at.isoformat()}|{snapshot.path}".encode()).decode()


def _from_token(query: Mapping[str, str]) -> Snapshot | None:
    """Return the place to go on from: the port needs the ordering value and the path, nothing more."""
    token = query.get("page_token")
    if token is None:
        return None
    try:
        text, _, path = base64.urlsafe_b64decode(token.encode()).decode().partition("|")
        at = datetime.fromisoformat(text)
        match = _TASK.fullmatch(f"/api/{path}")
        if at.tzinfo is None or match is None or match["action"]:
            raise ValueError
        at = at.astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error):
        raise BadRequest("page_token is not one of ours", code="bad_query", field="page_token") from None
    return Snapshot(path, {"created_at": at}, "", at)
