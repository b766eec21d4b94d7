"""The kill switches: what each intent's is, as JSON and on a page; set by a person who says why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from functions.console.bodies import body_of
from functions.console.breakers import INTENT
from functions.console.identity import only
from functions.console.page import Page
from shared.errors import BadRequest, NotFound, Unprocessable
from shared.records.breakers import breakers
from shared.records.decisions import why_not_intent
from shared.records.switches import Switch, switch, switches
from shared.serving.entry import Outcome, log_outcome, started
from shared.task.moves import Person
from shared.task.schemas import Model
from shared.wiring.composition import Ports

PATH = re.compile(rf"/api/switches/{INTENT}")
WORDS = {"on": True, "off": False}


class SwitchBody(Model):
    """What setting a switch takes."""

    enabled: bool = Field(description="false: its tasks wait until it is on again; nothing of them is lost")
    reason: str = Field(min_length=1, max_length=300, description="Why, for whoever finds it so")


async def respond(request: Request, ports: Ports, who: Person, path: str) -> Response:
    """Answer a request of the API under /api/switches.

    Raises:
        SwitchyardError: mapped to its status by the entry point.
    """
    if path == "/api/switches":
        only(request, "GET")
        found = {s.name: s for s in await switches(ports.store, ports.registry)}
        known = {name: found.pop(name, _untouched(name)) for name in ports.registry}
        return JSONResponse({"switches": {s.name: _shown(s) for s in (*known.values(), *found.values())}})
    match = PATH.fullmatch(path)
    if match is None:
        raise NotFound("there is nothing here; see /api/switches", code="not_found")
    only(request, "POST")
    began, body = started(), await body_of(request, SwitchBody)
    done = await switch(ports, match["intent"], who, on=body.enabled, reason=body.reason)
    _tell(done, began)
    return JSONResponse({"intent": done.name} | _shown(done))


async def show(page: Page, error: BadRequest | None = None, form: Mapping[str, str] | None = None) -> Response:
    """Show every intent with its switch; `error` and `form`: one that was refused, as it was filled in."""
    ports = page.ports
    found = {s.name: s for s in await switches(ports.store, ports.registry)}
    known = [found.pop(name, _untouched(name)) for name in ports.registry]
    tripped = {name for name, breaker in (await breakers(ports.store)).items() if breaker.open}
    return await page.render(
        "switches.html",
        switches=known,
        odd=list(found.values()),
        disabled=ports.settings.disabled_intents,
        refusals={s.name: why_not_intent(ports, s.name, page.who) for s in known},
        tripped=tripped,
        error=error,
        form=form or {},
        shown=[known, found, tripped, error and error.message],
    )


async def submit(page: Page, intent: str, form: Mapping[str, str]) -> Response:
    """Set a switch from the page; a form that is refused comes back as it was, with the reason."""
    began, reason = started(), form.get("reason", "").strip()
    try:
        if form.get("set") not in WORDS:
            raise Unprocessable("choose on or off", code="bad_form", field="set")
        if not reason:
            raise Unprocessable("say why, for whoever finds it so", code="reason_missing", field="reason")
        done = await switch(page.ports, intent, page.who, on=WORDS[form["set"]], reason=reason)
    except NotFound:
        raise
    except BadRequest as error:
        answer = await show(page, error, dict(form) | {"intent": intent})
        answer.status_code = error.status
        return answer
    _tell(done, began)
    return page.protected(RedirectResponse("/switches", status_code=303))


def _untouched(name: str) -> Switch:
    return Switch(name, "on", is_odd=False)


def _shown(found: Switch) -> dict[str, Any]:
    at = found.at.isoformat() if found.at else None
    return {"on": not found.stops} | asdict(found) | {"at": at}


def _tell(done: Switch, began: float) -> None:
    operation = "switch_off" if done.stops else "switch_on"
    log_outcome("console", Outcome("switch_done", fields={"intent": done.name, "operation": operation}), began)
