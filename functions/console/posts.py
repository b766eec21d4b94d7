"""Submitted forms in, decisions applied, and the way to the page that shows what came of them, out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from functions.console import bulk, lists, pages, search, working
from functions.console.page import Page
from shared.errors import BadRequest, NotFound, Unprocessable
from shared.gate.doors import Look
from shared.gate.inputs import PREFIX, altered
from shared.records import decisions, repairs
from shared.records.decisions import AS_SHOWN, Change
from shared.records.documents import task_path, to_record
from shared.records.outbox import ask_for_preview
from shared.task.schemas import CAUSES, Cause, TaskRecord

Form = Mapping[str, str]


async def task(page: Page, task_id: str, action: str, form: Form) -> Response:
    """Do one thing to one task; a form that is refused comes back as it was, with the reason."""
    try:
        await _act(page, task_id, action, form)
    except NotFound:
        raise
    except BadRequest as error:
        answer = await pages.task(page, task_id, error=error, form=form)
        answer.status_code = error.status
        return answer
    listing = lists.listing_of(form, page.who)
    goes_on = form.get("decision") == "edit" or form.get("then") == "wait"
    stays = goes_on or action in ("preview", "undo", *working.ACTIONS)
    return _see(page, listing.task(task_id) if stays else listing.next(task_id, done=True))


async def _act(page: Page, task_id: str, action: str, form: Form) -> None:
    ports, who = page.ports, page.who
    if action == "preview":
        await ask_for_preview(ports, await _record(page, task_id))
        return
    if action in working.ACTIONS:
        await working.submit(ports, who, task_id, action, form)
        return
    look = _look(form)
    if action == "decide":
        decision = one_of(form.get("decision"), "approve", "reject", "edit")
        change = AS_SHOWN if decision == "reject" else await _change(page, task_id, form)
        if decision == "edit":
            await decisions.edit(ports, task_id, who, look, change)
        else:
            said = form.get("comment", "")[:1000]
            await decisions.decide(ports, task_id, who, decision, look, change, said, cause_in(form), undoable=True)
    elif action == "undo":
        await decisions.undo(ports, task_id, who, look)
    elif action == "cancel":
        await repairs.cancel(ports, task_id, who, look, reason=reason_in(form))
    elif action == "close":
        await repairs.close(ports, task_id, who, look, reason=reason_in(form))
    elif action == "redrive":
        await repairs.redrive(
            ports,
            task_id,
            who,
            look,
            reason=reason_in(form),
            then=one_of(form.get("then", "run"), "run", "wait"),
            not_applied=form.get("verdict") == "not_applied",
            change=await _change(page, task_id, form),
        )
    else:
        verdict = one_of(form.get("verdict"), "applied", "not_applied", field="verdict")
        await repairs.settle(ports, task_id, who, look, verdict=verdict, reason=reason_in(form))


async def _change(page: Page, task_id: str, form: Form) -> Change:
    """Return what the form sets: parameters only where they are other than shown."""
    record = await _record(page, task_id)
    intent = page.ports.registry.get(form.get("intent") or record.intent)
    is_filled = bool(form.get("edited")) or any(name.startswith(PREFIX) for name in form)
    return Change(
        intent=intent.name if intent and intent.name != record.intent else None,
        parameters=altered(intent, form, record) if intent and is_filled else None,
        requester_email=form.get("requester_email", "").strip() or None,
    )


async def _record(page: Page, task_id: str) -> TaskRecord:
    (found,) = await page.ports.store.read(task_path(task_id))
    return to_record(found)


def one_of(value: str | None, *options: Any, field: str | None = None) -> Any:
    """Return one of several words that a form may say.

    Raises:
        Unprocessable: it says another.
    """
    if value not in options:
        raise Unprocessable(f"choose {' or '.join(options).replace('_', ' ')}", code="bad_form", field=field)
    return value


def cause_in(form: Form) -> Cause:
    """Return the cause of a rejection."""
    cause: Cause = one_of(form.get("cause", "other"), *CAUSES)
    return cause


def _look(form: Form) -> Look:
    """Return what the page showed, and when: what somebody found at the provider, they found after that."""
    generation = bulk.generation_in(form.get("generation", ""))
    if generation is None:
        raise Unprocessable("the form says of no generation what it shows; reload the page", code="bad_form")
    return Look(generation, form.get("params_hash", ""), search.moment(form, "looked_at"))


def reason_in(form: Form) -> str:
    """Return why somebody does it.

    Raises:
        Unprocessable: they do not say.
    """
    reason = form.get("reason", "").strip()[:300]
    if not reason:
        raise Unprocessable("say why, for whoever reads this later", code="reason_missing", field="reason")
    return reason


def _see(page: Page, path: str) -> Response:
    return page.protected(RedirectResponse(path, status_code=303))
