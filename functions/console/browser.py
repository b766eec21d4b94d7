"""A browser's request in, a page out: GET shows, only POST with the page's own token changes anything."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from functions.console import (
    audits,
    breakers,
    guard,
    letters,
    lists,
    many,
    pages,
    posts,
    report,
    router_page,
    search,
    switches,
)
from functions.console.forms import submitted
from functions.console.identity import admitted, only
from functions.console.page import Page, environment, static
from functions.console.whatif_page import policy_page
from shared.errors import MethodNotAllowed, NotFound, SwitchyardError
from shared.records.letters import LETTER_ID
from shared.serving.entry import Outcome, log_outcome, started, status_of
from shared.wiring.composition import Ports

_NAMES = {
    "/": (*lists.NAMES["/"], "order", "page_token", "told"),
    "/tasks": (*lists.NAMES["/tasks"], "order", "page_token", "told"),
    "/next": ("after", "done", lists.PARAMETER),
    "/dead-letters": ("page_token",),
    "/report": ("days",),
    "/router": ("version",),
    "/audits": ("answered",),
}
_LETTER = re.compile(rf"/dead-letters/(?P<id>{LETTER_ID.pattern})")
_AUDIT = re.compile(rf"/audits/(?P<id>{search.TASK_ID.pattern})")
_REARM = re.compile(rf"/breakers/{breakers.INTENT}/rearm")
_SWITCH = re.compile(rf"/switches/{breakers.INTENT}")
_TASK = re.compile(
    rf"/tasks/(?P<id>{search.TASK_ID.pattern})(?:/(?P<action>decide|undo|redrive|cancel|close|settle|preview|payload"
    r"|assign|note|look))?"
)


async def respond(request: Request, ports: Ports) -> Response:
    """Answer with a page, also where something is refused."""
    try:
        return await _route(request, ports)
    except SwitchyardError as error:
        if status_of(error) >= 500:
            raise
        log_outcome("console", Outcome(error.code, fields={"status": status_of(error)}), started())
        text = environment().get_template("error.html").render(error=error, status=status_of(error))
        token = guard.token_of(request, local=ports.settings.local)
        answer = Response(text, status_of(error), media_type="text/html")
        return guard.protect(answer, token, local=ports.settings.local)


async def _route(request: Request, ports: Ports) -> Response:
    path = request.url.path.rstrip("/") or "/"
    if path.startswith("/static/"):
        only(request, "GET")
        search.only(request.query_params)
        return static(path)
    page = Page(request, ports, await admitted(request, ports.settings))
    task = _TASK.fullmatch(path)
    if request.method == "POST":
        search.only(request.query_params)
        pairs = await submitted(request)
        guard.check(request, dict(pairs), local=ports.settings.local)
        began = started()
        if task and task["action"] not in (None, "payload"):
            answer = await posts.task(page, task["id"], task["action"], dict(pairs))
        elif (change := path.removeprefix("/router/")) in router_page.ACTIONS and change != path:
            answer = await router_page.act(page, change, dict(pairs))
        elif path == "/bulk":
            answer = await many.many(page, pairs)
        elif path == "/policy":
            answer = await policy_page(page, dict(pairs))
        elif audit := _AUDIT.fullmatch(path):
            return await audits.submit(page, audit["id"], dict(pairs))
        elif breaker := _REARM.fullmatch(path):
            return await breakers.submit(page, breaker["intent"], dict(pairs))
        elif found := _SWITCH.fullmatch(path):
            return await switches.submit(page, found["intent"], dict(pairs))
        else:
            raise MethodNotAllowed("nothing can be sent here")
        fields = {"operation": task["action"] if task else path.strip("/")}
        log_outcome("console", Outcome("form_done", fields=fields | {"status": answer.status_code}), began)
        return answer
    only(request, "GET")
    if task and task["action"] in (None, "payload"):
        search.only(request.query_params, *(() if task["action"] else ("intent", lists.PARAMETER, "told")))
        return await (pages.payload if task["action"] else pages.task)(page, task["id"])
    if letter := _LETTER.fullmatch(path):
        search.only(request.query_params)
        return await letters.letter(page, letter["id"])
    shows = {
        "/": pages.waiting,
        "/tasks": pages.tasks,
        "/next": pages.next_task,
        "/dead-letters": letters.dead_letters,
        "/health": pages.health_page,
        "/policy": policy_page,
        "/report": report.show,
        "/router": router_page.show,
        "/audits": audits.queue,
        "/switches": switches.show,
    }
    if path not in shows:
        raise NotFound("there is no such page", code="not_found")
    search.only(request.query_params, *_NAMES.get(path, ()))
    return await shows[path](page)
