"""Submitted forms in, decisions applied, and the way to the page that shows what came of them, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import RedirectResponse, Response

from functions.console import bulk, lists, pages, present, search, working
from functions.console.dossier import Line
from functions.console.page import Page
from shared.errors import BadRequest, NotFound, Unprocessable
from shared.gate.doors import Look
from shared.gate.inputs import PREFIX, altered
from shared.records import decisions, repairs
from shared.records.decisions import AS_SHOWN, Change
from shared.records.documents import ROW_FIELDS, task_path, to_record, to_rows
from shared.records.outbox import ask_for_preview
from shared.task.requester import is_unknown
from shared.task.schemas import CAUSES, Cause, TaskRecord, TaskRow
from shared.task.waiting import why_alone

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


async def many(page: Page, pairs: Sequence[tuple[str, str]]) -> Response:
    """Show what would be decided, then decide it: the first form asks, the one on that page confirms."""
    form = dict(pairs)
    action = form.get("action", "")
    if action not in bulk.VERBS:
        raise BadRequest("choose what to do", code="bad_form", field="action")
    picks = bulk.picks_of([value for name, value in pairs if name == "pick"])
    back = "/dead-letters" if action in bulk.OF_LETTERS else form.get("back", "/")
    if form.get("confirmed") != "yes":
        if action in bulk.OF_LETTERS:
            picks, records = await _of_letters(page, picks)
        else:
            records = await _records(page, [p.id for p in picks])
        approved = records if action == "approve" else []
        left = {r.task_id: why for r in approved if (why := why_alone(r) or _why_unknown(page, r))}
        return await page.render(
            "confirm.html",
            shown=[],
            left=left,
            totals=present.totals(page.ports.registry, [r for r in approved if r.task_id not in left]),
            action=action,
            of_letters=action in bulk.OF_LETTERS,
            verb=bulk.VERBS[action],
            picks=[p for p in picks if p.id not in left],
            lines=list(map(Line, records)),
            back=back,
        )
    why = form.get("comment", "") if action in ("approve", "reject") else _reason(form)
    done = await bulk.run(page.ports, page.who, action, picks, why, _cause(form))
    return await page.render("done.html", shown=[], verb=bulk.VERBS[action], done=done, back=back)


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
        decision = _one_of(form.get("decision"), "approve", "reject", "edit")
        change = AS_SHOWN if decision == "reject" else await _change(page, task_id, form)
        if decision == "edit":
            await decisions.edit(ports, task_id, who, look, change)
        else:
            said = form.get("comment", "")[:1000]
            await decisions.decide(ports, task_id, who, decision, look, change, said, _cause(form), undoable=True)
    elif action == "undo":
        await decisions.undo(ports, task_id, who, look)
    elif action == "cancel":
        await repairs.cancel(ports, task_id, who, look, reason=_reason(form))
    elif action == "close":
        await repairs.close(ports, task_id, who, look, reason=_reason(form))
    elif action == "redrive":
        await repairs.redrive(
            ports,
            task_id,
            who,
            look,
            reason=_reason(form),
            then=_one_of(form.get("then", "run"), "run", "wait"),
            not_applied=form.get("verdict") == "not_applied",
            change=await _change(page, task_id, form),
        )
    else:
        verdict = _one_of(form.get("verdict"), "applied", "not_applied")
        await repairs.settle(ports, task_id, who, look, verdict=verdict, reason=_reason(form))


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


async def _records(page: Page, ids: Sequence[str]) -> list[TaskRow]:
    return to_rows(await page.ports.store.read_rows(ROW_FIELDS, *map(task_path, ids))) if ids else []


async def _of_letters(page: Page, picks: Sequence[bulk.Pick]) -> tuple[list[bulk.Pick], list[TaskRow]]:
    """Return the letters with what is shown of their tasks, and these."""
    letters = await page.ports.store.read_rows(("task_id",), *(f"dead_letters/{p.id}" for p in picks))
    of = {row.id: row.data.get("task_id") for row in letters}
    records = await _records(page, list(dict.fromkeys(t for t in of.values() if t)))
    looks = {r.task_id: Look(r.generation, r.params_hash, alone=False) for r in records}
    return [bulk.Pick(p.id, looks.get(of.get(p.id) or "")) for p in picks], records


def _why_unknown(page: Page, row: TaskRow) -> str:
    intent = page.ports.registry.get(row.intent)
    return "nobody says whose request it is; open it" if intent and is_unknown(row, intent) else ""


def _one_of(value: str | None, *options: Any) -> Any:
    if value not in options:
        raise Unprocessable(f"choose {' or '.join(options)}", code="bad_form")
    return value


def _cause(form: Form) -> Cause:
    cause: Cause = _one_of(form.get("cause", "other"), *CAUSES)
    return cause


def _look(form: Form) -> Look:
    """Return what the page showed, and when: what somebody found at the provider, they found after that."""
    generation = bulk.generation_in(form.get("generation", ""))
    if generation is None:
        raise Unprocessable("the form says of no generation what it shows; reload the page", code="bad_form")
    return Look(generation, form.get("params_hash", ""), search.moment(form, "looked_at"))


def _reason(form: Form) -> str:
    reason = form.get("reason", "").strip()[:300]
    if not reason:
        raise Unprocessable("say why, for whoever reads this later", code="reason_missing", field="reason")
    return reason


def _see(page: Page, path: str) -> Response:
    return page.protected(RedirectResponse(path, status_code=303))
