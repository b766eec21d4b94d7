"""The JSON API: look at tasks, and act on them and on what stands beside them. GET shows, only POST changes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console import (
    acting,
    audits,
    breakers,
    labels,
    letters,
    places,
    privacy,
    report,
    router,
    search,
    switches,
    working,
)
from functions.console.bodies import body_of
from functions.console.finding import find
from functions.console.identity import admitted, only
from functions.console.policy import policy
from functions.console.traces import shown_traces
from functions.console.whatif_api import simulate
from shared.errors import BadRequest, NotFound
from shared.records.documents import task_path, to_record, to_rows
from shared.records.ignored import last_days
from shared.records.letters import LETTER_NAME, close_letter, letter_named, redrive_letter
from shared.serving.entry import Outcome, log_outcome, started
from shared.serving.site import check_site
from shared.task.letter import DeadLetter, LetterRow
from shared.task.moves import Person
from shared.task.schemas import Model
from shared.wiring.composition import Ports
from shared.wiring.ports import Row, Snapshot

LETTER_ACTIONS = ("redrive", "close")
DESCRIPTION = Path(__file__).with_name("openapi.json").read_bytes()  # of this very code
_LETTER = re.compile(
    rf"/api/dead-letters/(?P<letter_id>{LETTER_NAME.pattern})(?:/(?P<action>{'|'.join(LETTER_ACTIONS)}))?"
)
_TASK_ACTIONS = (*acting.ACTIONS, *working.ACTIONS)
_TASK = re.compile(
    rf"/api/tasks/(?P<task_id>{search.TASK_ID.pattern})(?:/(?P<action>{'|'.join(_TASK_ACTIONS)}|trace))?"
)
_PAGE = ("limit", "page_token")
_NAMES = {
    "/api/tasks": (*search.NAMES, "order", *_PAGE),
    "/api/dead-letters": ("open", *_PAGE),
    "/api/labels": labels.NAMES,
    "/api/report": report.NAMES,
    "/api/router/report": ("hash",),
    "/api/router/version": ("hash",),
}
_ROOMS: dict[str, Callable[[Request, Ports, Person, str], Awaitable[Response]]] = {
    "audits": audits.respond,
    "breakers": breakers.respond,
    "privacy": privacy.respond,
    "router": router.respond,
    "switches": switches.respond,
}
_APPROVAL = re.compile(rf"/api/approvals/(?P<task_id>{search.TASK_ID.pattern})")


def is_for_programs(request: Request) -> bool:
    """Whether a request is for this API, and not for a page."""
    return request.url.path.startswith("/api/") or request.url.path.rstrip("/") in ("/healthz", "/openapi.json")


class LetterBody(Model):
    """What redriving or closing a dead letter takes; where it is of a task, what was seen of that, and the verdict."""

    reason: str = Field(min_length=1, max_length=300)
    verdict: Literal["not_applied"] | None = None
    task: acting.LookBody | None = None


async def respond(request: Request, ports: Ports) -> Response:
    """Route one request.

    Raises:
        SwitchyardError: mapped to its status by the entry point.
    """
    path = request.url.path.rstrip("/") or "/"
    if path == "/healthz":
        only(request, "GET")
        search.only(request.query_params)
        return JSONResponse(ports.health())
    if path == "/openapi.json":
        only(request, "GET")
        search.only(request.query_params)
        return Response(DESCRIPTION, media_type="application/json")
    who = await admitted(request, ports.settings)
    if request.method == "POST":
        check_site(request.headers)
        if request.url.query:
            raise BadRequest("a POST takes nothing from the query; use the body", code="bad_query")
    else:
        search.only(request.query_params, *_NAMES.get(path, ()))
    shows = {
        "/api/tasks": lambda: _list(request, ports, who),
        "/api/dead-letters": lambda: _letters(request, ports),
        "/api/counts": lambda: _counts(ports),
        "/api/ignored": lambda: _ignored(ports),
        "/api/labels": lambda: labels.listing(request, ports),
        "/api/labels/count": lambda: labels.counts(ports),
        "/api/report": lambda: report.respond(request, ports),
    }
    if path in shows:
        only(request, "GET")
        return await shows[path]()
    if room := _ROOMS.get(path.removeprefix("/api/").partition("/")[0]):
        return await room(request, ports, who, path)
    if path == "/api/policy":
        only(request, "GET")
        return JSONResponse(await policy(ports, who))
    if path == "/api/policy/simulate":
        only(request, "POST")
        return await simulate(request, ports)
    if match := _LETTER.fullmatch(path):
        only(request, "POST" if match["action"] else "GET")
        letter_id = await letter_named(ports.store, match["letter_id"])
        if match["action"]:
            return await _see_to(request, ports, who, letter_id, match["action"])
        (snapshot,) = await ports.store.read(f"dead_letters/{letter_id}")
        return JSONResponse(_letter(snapshot))
    if match := _APPROVAL.fullmatch(path):
        only(request, "POST")
        return await acting.decide(request, ports, who, match["task_id"])
    if match := _TASK.fullmatch(path):
        only(request, "POST" if match["action"] in _TASK_ACTIONS else "GET")
        if match["action"] == "undo":
            return await acting.undo(request, ports, who, match["task_id"])
        if match["action"] in working.ACTIONS:
            return await working.respond(request, ports, who, match["task_id"], match["action"])
        if match["action"] in acting.ACTIONS:
            return await acting.repair(request, ports, who, match["task_id"], match["action"])
        (snapshot,) = await ports.store.read(task_path(match["task_id"]))
        record = to_record(snapshot)
        if match["action"]:
            return JSONResponse(await shown_traces(ports.settings, record))
        return acting.answer(record)
    raise NotFound("there is nothing here; see /api/tasks", code="not_found")


async def _list(request: Request, ports: Ports, who: Person) -> Response:
    """Newest first, or oldest; without payloads and followups; `next_page_token` where there is more."""
    query, limit = request.query_params, search.limit(request.query_params)
    wanted, after, order = search.parse(query, who.name), places.place(query), search.order_of(query)
    found = await find(ports.store, ports.registry, wanted, limit=limit, after=after, order=order)
    tasks = [row.model_dump(mode="json") for row in to_rows(found.rows)]
    return JSONResponse({"tasks": tasks, "next_page_token": places.token(found.more) if found.more else None})


async def _letters(request: Request, ports: Ports) -> Response:
    """Newest first, without the messages' bytes."""
    query, limit = request.query_params, search.limit(request.query_params)
    if query.get("open") not in (None, "true"):
        raise BadRequest("open must be true, or left out", code="bad_query", field="open")
    found = await letters.rows(
        ports.store, limit=limit, after=places.place(query, "dead_letters"), open_only="open" in query
    )
    shown = [{"letter_id": r.id} | LetterRow.model_validate(r.data).model_dump(mode="json") for r in found]
    return JSONResponse({"dead_letters": shown, "next_page_token": _next(found, limit)})


def _letter(snapshot: Snapshot) -> dict[str, Any]:
    if snapshot.data is None:
        raise NotFound("there is no such dead letter", code="letter_not_found")
    return {"letter_id": snapshot.id} | DeadLetter.model_validate(snapshot.data).model_dump(mode="json")


def _next(found: list[Row], limit: int) -> str | None:
    return places.token(found[-1]) if len(found) == limit else None


async def _see_to(request: Request, ports: Ports, who: Person, letter_id: str, action: str) -> Response:
    began = started()
    body = await body_of(request, LetterBody)
    look = body.task.look if body.task else None
    if action == "close":
        done = await close_letter(ports, letter_id, who, reason=body.reason, look=look)
    else:
        not_applied = body.verdict == "not_applied"
        done = await redrive_letter(ports, letter_id, who, reason=body.reason, not_applied=not_applied, look=look)
    log_outcome("console", Outcome(f"{action}_letter_done", fields={"operation": action}), began)
    return JSONResponse({"letter_id": letter_id, "state": done.state})


async def _counts(ports: Ports) -> Response:
    return JSONResponse(await search.counts(ports.store) | {"up_to": search.COUNT_UP_TO})


async def _ignored(ports: Ports) -> Response:
    days = await last_days(ports.store, datetime.now(UTC))
    return JSONResponse({"days": [day.model_dump(mode="json", include={"day", "counts"}) for day in days]})
