"""What ran by itself and was drawn for a second look: the queue, as JSON and as a page, and people's answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from functions.console import search
from functions.console.bodies import body_of
from functions.console.dossier import Dossier
from functions.console.identity import only
from functions.console.page import Page
from shared.errors import BadRequest, NotFound, Unprocessable
from shared.records import audits
from shared.records.audits import audit_path
from shared.records.decisions import why_not
from shared.records.documents import task_path, to_record, tombstone_in
from shared.serving.entry import Outcome, log_outcome, started
from shared.task.audit import Audit, AuditVerdict
from shared.task.moves import Person
from shared.task.schemas import UNCLASSIFIED, Model
from shared.wiring.composition import Ports

MAX_LIST = 200
ON_A_PAGE = 20
HIDDEN = ("intent", "confidence", "above", "pool")  # of a blind audit, until it is answered
PATH = re.compile(rf"/api/audits/(?P<task_id>{search.TASK_ID.pattern})")


class AuditBody(Model):
    """What `POST /api/audits/{task_id}` takes: a verdict; of a blind audit the intent alone."""

    verdict: AuditVerdict | None = None
    intent: str | None = Field(default=None, max_length=63, description="What it was, or unclassified")


@dataclass(frozen=True)
class Looked:
    """An audit as it is shown: with the words, and with what ran unless it is blind."""

    audit: Audit
    dossier: Dossier
    refusal: str


async def respond(request: Request, ports: Ports, who: Person, path: str) -> Response:
    """Answer a request of the API under /api/audits.

    Raises:
        SwitchyardError: mapped to its status by the entry point.
    """
    if path == "/api/audits":
        only(request, "GET")
        found = await audits.open_audits(ports.store, MAX_LIST)
        return JSONResponse({"audits": [shown(audit) for audit in found]})
    match = PATH.fullmatch(path)
    if match is None:
        raise NotFound("there is nothing here; see /api/audits", code="not_found")
    only(request, "POST")
    began, body = started(), await body_of(request, AuditBody)
    answered = await audits.answer(ports, match["task_id"], who, body.verdict, body.intent)
    _tell(answered, began)
    return JSONResponse(answered.model_dump(mode="json"))


def shown(audit: Audit) -> dict[str, Any]:
    """Return an audit as JSON; of a blind one nothing that the classifier has said."""
    told = audit.model_dump(mode="json")
    return told | dict.fromkeys(HIDDEN) if audit.blind and audit.open else told


async def queue(page: Page, error: str = "", status: int = 200) -> Response:
    """What nobody has looked at yet, oldest first; `error`: why the last answer was refused."""
    store, answered = page.ports.store, None
    found = await audits.open_audits(store, ON_A_PAGE)
    if search.TASK_ID.fullmatch(last := page.query.get("answered", "")):
        (known,) = await store.read(audit_path(last))
        answered = Audit.model_validate(known.data) if known.data else None
    records = await store.read(*(task_path(audit.task_id) for audit in found)) if found else []
    lines = [
        Looked(audit, Dossier(record), why_not(page.ports, record, page.who, audit.intent))
        for audit, snapshot in zip(found, records, strict=True)
        if snapshot.data is not None and not tombstone_in(snapshot)
        for record in [to_record(snapshot)]
    ]
    return await page.render(
        "audits.html",
        shown=[[(line.audit, line.dossier.record.state) for line in lines], answered, error],
        status=status,
        lines=lines,
        answered=answered,
        error=error,
        choices=(*page.ports.registry, UNCLASSIFIED),
        may_be_more=len(found) == ON_A_PAGE,
    )


async def submit(page: Page, task_id: str, form: Mapping[str, str]) -> Response:
    """Keep an answer from the page; one that is refused comes back with the reason."""
    began = started()
    try:
        answered = await audits.answer(page.ports, task_id, page.who, *_answer_in(form))
    except NotFound:
        raise
    except BadRequest as error:
        return await queue(page, error=f"{task_id}: {error.message}", status=error.status)
    _tell(answered, began)
    return page.protected(RedirectResponse(f"/audits?answered={task_id}", status_code=303))


def _answer_in(form: Mapping[str, str]) -> tuple[AuditVerdict | None, str | None]:
    """Return verdict and intent as the form has them; the intent beside another verdict than wrong_intent is nobody's
    answer: browsers send what stands in a choice."""
    verdict = form.get("verdict", "")
    if verdict and verdict not in get_args(AuditVerdict):
        raise Unprocessable("choose one of the answers", code="bad_form", field="verdict")
    intent = form.get("intent") or None
    said: AuditVerdict | None = verdict or None  # type: ignore[assignment]
    return said, intent if said in (None, "wrong_intent") else None


def _tell(audit: Audit, began: float) -> None:
    fields = {"task_id": audit.task_id, "intent": audit.intent, "operation": audit.verdict}
    log_outcome("console", Outcome("audit_answered", fields=fields), began)
