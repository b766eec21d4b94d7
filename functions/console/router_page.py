"""The page of the router: who decides, what a candidate would have done, and the forms that change it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from functions.console import router
from functions.console.page import Page
from shared.errors import BadRequest, NotFound, Unprocessable
from shared.records import routers
from shared.records.routers import CANDIDATE, CURRENT
from shared.records.shadows import report, spent_today
from shared.serving.entry import started
from shared.task.router import Candidate, Kind, Promotion, Report, sound

ACTIONS = ("upload", "shadow", "stop", "promote", "back")
KINDS: Mapping[str, Kind] = {"prompt": "prompt", "model": "model"}  # weights are no text to be typed
_HASH = re.compile(r"[0-9a-f]{64}")
_SHARE = re.compile(r"(?:0|1|0?\.[0-9]{1,4}|1\.0{1,4})")
_NUMBER = re.compile(r"[1-9][0-9]{0,7}")

Form = Mapping[str, str]


async def show(page: Page, error: BadRequest | None = None, form: Form | None = None, action: str = "") -> Response:
    """Which version decides, all versions, and a report: of the one that the query names, else of the candidate.

    `error`, `form`, `action`: a form that was refused, shown again as it was filled in.
    """
    store = page.ports.store
    current, candidate = await store.read(CURRENT, CANDIDATE)
    asked = sound(Candidate, candidate.data)
    named = page.query.get("version") or (asked.hash if asked else "")
    if named and not _HASH.fullmatch(named):
        raise NotFound("there is no such version", code="version_not_found")
    known: Report | None = await report(store, named) if named else None
    named_version = await routers.version(store, named) if page.query.get("version") else None
    versions, promotions = await routers.versions(store), await routers.history(store)
    spent = await spent_today(store)
    return await page.render(
        "router.html",
        current=sound(Promotion, current.data),
        candidate=asked if asked and asked.hash else None,
        spent=spent,
        versions=versions,
        promotions=promotions,
        report=known,
        version=named_version,
        settings=page.ports.settings,
        refusal=_refusal(page),
        probation=router.PROBATION if page.ports.settings.certification else "",
        error=error,
        form=form or {},
        did=action,
        shown=[current.version, candidate.version, len(versions), spent, known, error and error.message],
    )


async def act(page: Page, action: str, form: Form) -> Response:
    """Do what a form says; one that is refused comes back as it was, with the reason."""
    began = started()
    try:
        answer = await _done(page, action, form)
    except BadRequest as error:
        refused = await show(page, error, form, action)
        refused.status_code = error.status
        return refused
    router.tell(action, answer, page.who, began)
    return page.protected(RedirectResponse("/router", status_code=303))


async def _done(page: Page, action: str, form: Form) -> Mapping[str, Any]:
    ports, who = page.ports, page.who
    if action == "upload":
        kind: Kind | None = KINDS.get(form.get("kind", ""))
        if kind is None:
            raise Unprocessable(
                "choose rules or a model; weights are uploaded at a terminal", code="bad_form", field="kind"
            )
        return await router.upload(router.UploadBody(kind=kind, content=_text(form)), ports, who)
    if action == "shadow":
        return await router.shadow(_shadow(form), ports, who)
    if action == "stop":
        return await router.stop(router.StopBody(), ports, who)
    reason = form.get("reason", "").strip()[:300]
    if not reason:
        raise Unprocessable("say why, for whoever reads this later", code="reason_missing", field="reason")
    if action == "back":
        return await router.back(router.BackBody(reason=reason), ports, who)
    return await router.promote(router.PromoteBody(hash=_hash(form, "", empty=True), reason=reason), ports, who)


def _shadow(form: Form) -> router.ShadowBody:
    share, calls = form.get("share", "").strip(), form.get("calls_a_day", "").strip()
    if not _SHARE.fullmatch(share):
        raise Unprocessable(
            "the share of the tickets must be a number from 0 to 1, such as 0.1", code="bad_form", field="share"
        )
    if not _NUMBER.fullmatch(calls):
        raise Unprocessable("calls a day must be a whole number from 1 on", code="bad_form", field="calls_a_day")
    return router.ShadowBody(hash=_hash(form, "choose a version"), share=float(share), calls_a_day=int(calls))


def _hash(form: Form, why: str, *, empty: bool = False) -> str:
    name = form.get("hash", "")
    if not _HASH.fullmatch(name) and not (empty and name == "settings"):
        raise Unprocessable(why or "choose a version, or what the settings say", code="bad_form", field="hash")
    return "" if name == "settings" else name


def _text(form: Form) -> str:
    content = form.get("content", "").replace("\r\n", "\n").strip()
    if not content:
        raise Unprocessable("write the rules, one a line, or the name of a model", code="bad_form", field="content")
    return content


def _refusal(page: Page) -> str:
    """Return why whoever looks may change nothing, or an empty string."""
    try:
        routers.must_be_promoter(page.ports, page.who)
    except BadRequest as error:
        return error.message
    return ""
