"""Which version of the router decides, and which is asked beside it: anybody looks, promoters change it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console.bodies import body_of
from functions.console.identity import only
from shared.errors import BadRequest, NotFound
from shared.records import routers
from shared.records.routers import CANDIDATE, CURRENT, LOOK_S
from shared.records.shadows import report, spent_today
from shared.serving.entry import Outcome, log_outcome, started
from shared.task.moves import Person
from shared.task.router import MAX_CONTENT_CHARS, Budget, Candidate, Chosen, Hash, Kind, Promotion, Share, sound
from shared.task.schemas import Model
from shared.wiring.composition import Ports

MAX_BODY_BYTES = MAX_CONTENT_CHARS + 64 * 1024
PROBATION = "CERTIFICATION is required: until a certificate names this version, all its tasks wait for people"
Answer = dict[str, Any]


class UploadBody(Model):
    """What `POST /api/router/upload` takes: weights in base64, rules one a line, or the name of a model."""

    kind: Kind
    content: str = Field(min_length=1, max_length=MAX_CONTENT_CHARS)


class ShadowBody(Model):
    """What `POST /api/router/shadow` takes: a version, which share of tickets it is asked about, and a day's budget."""

    hash: Hash
    share: Share
    calls_a_day: Budget | None = None
    tokens_a_day: Budget | None = None


class StopBody(Model):
    """What `POST /api/router/stop` takes: nothing."""


class PromoteBody(Model):
    """What `POST /api/router/promote` takes. An empty hash: what the settings say decides again."""

    hash: Chosen
    reason: str = Field(min_length=1, max_length=300)


class BackBody(Model):
    """What `POST /api/router/back` takes: what decided before the last change decides again."""

    reason: str = Field(min_length=1, max_length=300)


async def respond(request: Request, ports: Ports, who: Person, path: str) -> Response:
    """Route one request; each change leaves a log line with who, what and which version.

    Raises:
        Forbidden: `not_a_promoter`.
        SwitchyardError: mapped to its status by the entry point.
    """
    if path == "/api/router":
        only(request, "GET")
        return JSONResponse(await state(ports))
    operation = path.removeprefix("/api/router/")
    if operation == "report":
        only(request, "GET")
        return JSONResponse((await report(ports.store, _hash(request))).model_dump(mode="json"))
    if operation == "version":
        only(request, "GET")
        return JSONResponse((await routers.version(ports.store, _hash(request))).model_dump(mode="json"))
    if operation not in WORKS:
        raise NotFound("there is nothing here; see /openapi.json", code="not_found")
    only(request, "POST")
    began = started()
    work, model = WORKS[operation]
    answer = await work(await body_of(request, model, MAX_BODY_BYTES), ports, who)
    tell(operation, answer, who, began)
    return JSONResponse(answer)


def tell(operation: str, answer: Mapping[str, Any], who: Person, began: float) -> None:
    """Log one change."""
    fields = {"operation": operation, "author": who.name, "payload_sha256": answer["hash"]}
    log_outcome("console", Outcome(f"router_{operation}_done", fields=fields, severity="NOTICE"), began)


async def state(ports: Ports) -> Answer:
    """Return who decides and since when, who is asked beside them and what that took today, and all versions.

    Raises:
        StoreUnavailable: nothing is known.
    """
    current, candidate = await ports.store.read(CURRENT, CANDIDATE)
    promoted, asked = sound(Promotion, current.data), sound(Candidate, candidate.data)
    spent = await spent_today(ports.store)
    return {
        "classifier": ports.settings.classifier,
        "promoters": sorted(ports.settings.promoters),
        "current": promoted.model_dump(mode="json") if promoted else None,
        "candidate": asked.model_dump(mode="json") if asked and asked.hash else None,
        "spent": spent.model_dump(mode="json", include={"day", "calls", "tokens"}),
        "versions": [version.model_dump(mode="json") for version in await routers.versions(ports.store)],
        "promotions": [entry.model_dump(mode="json") for entry in await routers.history(ports.store)],
    }


async def upload(body: UploadBody, ports: Ports, who: Person) -> Answer:
    """Keep a version of the router; it decides nothing yet."""
    return {"hash": await routers.upload(ports, who, body.kind, body.content)}


async def shadow(body: ShadowBody, ports: Ports, who: Person) -> Answer:
    """Have a version asked beside whoever decides, within a budget; it decides nothing."""
    return (await routers.shadow(ports, who, body.model_dump())).model_dump(mode="json")


async def stop(body: StopBody, ports: Ports, who: Person) -> Answer:
    """Have nobody asked beside whoever decides."""
    return (await routers.stop(ports, who)).model_dump(mode="json")


async def promote(body: PromoteBody, ports: Ports, who: Person) -> Answer:
    """Let a version decide from now on; its report is kept with the decision."""
    return answered(await routers.promote(ports, who, body.hash, body.reason), ports)


async def back(body: BackBody, ports: Ports, who: Person) -> Answer:
    """Let decide what did before the last change."""
    return answered(await routers.back(ports, who, body.reason), ports)


WORKS: Mapping[str, tuple[Callable[..., Awaitable[Answer]], type[Model]]] = {
    "upload": (upload, UploadBody),
    "shadow": (shadow, ShadowBody),
    "stop": (stop, StopBody),
    "promote": (promote, PromoteBody),
    "back": (back, BackBody),
}


def answered(done: Promotion, ports: Ports) -> Answer:
    """Return what was promoted, within how many seconds it decides, and what that means where certificates count."""
    note = PROBATION if ports.settings.certification and done.hash else ""
    return done.model_dump(mode="json") | {"within_s": LOOK_S, "note": note}


def _hash(request: Request) -> str:
    name = request.query_params.get("hash", "")
    if len(name) != 64 or set(name) - set("0123456789abcdef"):
        raise BadRequest("hash must be that of a version, 64 hexadecimal digits", code="bad_query", field="hash")
    return name
