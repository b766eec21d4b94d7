"""Many picked items in: a page that asks whether they shall be decided, then one decision each. Nothing is unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from functions.console import bulk, present, search
from functions.console.bulk import Pick, Wish
from functions.console.dossier import Line
from functions.console.page import Page
from functions.console.posts import Form, cause_in, one_of, reason_in
from shared.errors import BadRequest
from shared.gate.doors import Look
from shared.records.documents import ROW_FIELDS, task_path, to_rows
from shared.task.requester import is_unknown
from shared.task.schemas import TaskRow
from shared.task.waiting import why_alone


async def many(page: Page, pairs: Sequence[tuple[str, str]]) -> Response:
    """Show what would be decided, then decide it: the first form asks, the one on that page confirms.

    A form that is refused comes back as it was filled in, with the reason.
    """
    form = dict(pairs)
    action = form.get("action", "")
    if action not in bulk.VERBS:
        raise BadRequest("choose what to do", code="bad_form", field="action")
    picks = bulk.picks_of([value for name, value in pairs if name == "pick"])
    if form.get("confirmed") != "yes":
        return await _ask(page, action, picks, form)
    try:
        wish = _wish(action, form)
    except BadRequest as error:
        answer = await _ask(page, action, picks, form, error)
        answer.status_code = error.status
        return answer
    done = await bulk.run(page.ports, page.who, action, picks, wish)
    return await page.render("done.html", shown=[], verb=bulk.VERBS[action], done=done, back=_back(action, form))


async def _ask(page: Page, action: str, picks: Sequence[Pick], form: Form, error: BadRequest | None = None) -> Response:
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
        back=_back(action, form),
        form=form,
        error=error,
    )


def _wish(action: str, form: Form) -> Wish:
    """Return what is wanted of each.

    Raises:
        BadRequest: something is missing.
    """
    if action in ("approve", "reject"):
        return Wish(form.get("comment", "")[:1000], cause_in(form))
    verdict = one_of(form.get("verdict"), "applied", "not_applied", field="verdict") if action == "settle" else None
    return Wish(reason_in(form), verdict=verdict, looked_at=search.moment(form, "looked_at"))


def _back(action: str, form: Mapping[str, str]) -> str:
    return "/dead-letters" if action in bulk.OF_LETTERS else form.get("back", "/")


async def _records(page: Page, ids: Sequence[str]) -> list[TaskRow]:
    return to_rows(await page.ports.store.read_rows(ROW_FIELDS, *map(task_path, ids))) if ids else []


async def _of_letters(page: Page, picks: Sequence[Pick]) -> tuple[list[Pick], list[TaskRow]]:
    """Return the letters with what is shown of their tasks, and these."""
    letters = await page.ports.store.read_rows(("task_id",), *(f"dead_letters/{p.id}" for p in picks))
    of = {row.id: row.data.get("task_id") for row in letters}
    records = await _records(page, list(dict.fromkeys(t for t in of.values() if t)))
    looks = {r.task_id: Look(r.generation, r.params_hash, alone=False) for r in records}
    return [Pick(p.id, looks.get(of.get(p.id) or "")) for p in picks], records


def _why_unknown(page: Page, row: TaskRow) -> str:
    intent = page.ports.registry.get(row.intent)
    return "nobody says whose request it is; open it" if intent and is_unknown(row, intent) else ""
