"""Breakers: which are open, or ever were, as JSON; and the way back, by a person with a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from functions.console import pages
from functions.console.bodies import body_of
from functions.console.identity import only
from functions.console.page import Page
from shared.errors import BadRequest, NotFound, Unprocessable
from shared.records.breakers import breakers, rearm
from shared.serving.entry import Outcome, log_outcome, started
from shared.task.moves import Person
from shared.task.schemas import Model
from shared.wiring.composition import Ports

INTENT = r"(?P<intent>[a-z][a-z0-9_]{0,62})"
PATH = re.compile(rf"/api/breakers/{INTENT}/rearm")


class RearmBody(Model):
    """What arming a breaker again takes."""

    reason: str = Field(min_length=1, max_length=300, description="What was wrong, and why it is not any more")


async def respond(request: Request, ports: Ports, who: Person, path: str) -> Response:
    """Answer a request of the API under /api/breakers.

    Raises:
        SwitchyardError: mapped to its status by the entry point.
    """
    if path == "/api/breakers":
        only(request, "GET")
        found = await breakers(ports.store)
        return JSONResponse({"breakers": {name: b.model_dump(mode="json") for name, b in found.items()}})
    match = PATH.fullmatch(path)
    if match is None:
        raise NotFound("there is nothing here; see /api/breakers", code="not_found")
    only(request, "POST")
    began, body = started(), await body_of(request, RearmBody)
    armed = await rearm(ports, match["intent"], who, body.reason)
    _tell(match["intent"], began)
    return JSONResponse({"intent": match["intent"]} | armed.model_dump(mode="json"))


async def submit(page: Page, intent: str, form: Mapping[str, str]) -> Response:
    """Arm a breaker again from the health page."""
    began, reason = started(), form.get("reason", "").strip()[:300]
    try:
        if not reason:
            raise Unprocessable("say why, for whoever reads this later", code="reason_missing", field="reason")
        await rearm(page.ports, intent, page.who, reason)
    except NotFound:
        raise
    except BadRequest as error:
        return await pages.health_page(page, error, dict(form) | {"intent": intent})
    _tell(intent, began)
    return page.protected(RedirectResponse("/health", status_code=303))


def _tell(intent: str, began: float) -> None:
    log_outcome("console", Outcome("rearm_done", fields={"intent": intent, "operation": "rearm"}), began)
