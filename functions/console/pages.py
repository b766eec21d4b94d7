"""GET in, HTML out: what waits, all tasks, one task's dossier, dead letters, health. Nothing here changes anything,
but that the model is asked about a task whose call was spared when somebody opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from functions.console import present, search
from functions.console.dossier import Dossier, Line
from functions.console.groups import grouped
from functions.console.health import UP_TO, latest
from functions.console.page import Page
from functions.console.traces import cloud_trace, traces_of
from shared.errors import NotFound
from shared.gate.doors import missing
from shared.gate.inputs import Input, inputs
from shared.gate.policy import subject_path
from shared.intent.declaration import Intent
from shared.records.breakers import breakers
from shared.records.creation import wishes_like
from shared.records.decisions import missing_approvers, why_not
from shared.records.documents import task_path, to_record, to_rows
from shared.records.drift import drift
from shared.records.outbox import ask_model
from shared.records.switches import switches
from shared.task.letter import LetterRow
from shared.task.schemas import REDRIVABLE, State, TaskRecord
from shared.task.subjects import Wish
from shared.task.waiting import is_spared

WAITING_ON_A_PAGE = 100
TASKS_ON_A_PAGE = 50
MAX_OPENED = 10_000  # tasks that an instance remembers to have asked about


async def waiting(page: Page) -> Response:
    """What people have to decide, oldest first, alike beside alike."""
    after = search.place(page.query)
    intent = {name: value for name, value in page.query.items() if name == "intent" and value}
    wanted = replace(search.parse(intent), state="AWAITING_APPROVAL")
    found = await search.tasks(page.ports.store, wanted, limit=WAITING_ON_A_PAGE, after=after, oldest_first=True)
    more = search.token(found[-1]) if len(found) == WAITING_ON_A_PAGE else None
    groups = grouped(map(Line, to_rows(found)))
    return await page.render("waiting.html", groups=groups, more=more, shown=[r.version for r in found])


async def tasks(page: Page) -> Response:
    """Tasks by state, source, intent and time, newest first; an id leads straight to its task."""
    query = page.query
    if task_id := query.get("id", "").strip():
        return await _jump(page, task_id)
    wanted = search.parse({name: value for name, value in query.items() if value})
    after = search.place(query)
    found = await search.tasks(page.ports.store, wanted, limit=TASKS_ON_A_PAGE, after=after)
    more = search.token(found[-1]) if len(found) == TASKS_ON_A_PAGE else None
    return await page.render(
        "tasks.html",
        lines=[Line(row) for row in to_rows(found)],
        more=more,
        wanted=wanted,
        states=get_args(State),
        may_redrive=wanted.state in REDRIVABLE and wanted.state != "UNKNOWN",
        shown=[r.version for r in found],
    )


async def task(page: Page, task_id: str, error: str = "", form: Mapping[str, str] | None = None) -> Response:
    """One task: what would run and why it waits, what happened, what people may do now.

    `error` and `form`: a submitted form that was refused, shown again as it was filled in.
    """
    (found,) = await page.ports.store.read(task_path(task_id))
    record = to_record(found)
    await _ask_model(page, record)
    dossier = Dossier(record)
    like, traces = await _like(page, record), await traces_of(page.ports.settings, task_id)
    form = form or {}
    suggested = record.intent if record.intent in page.ports.registry else record.classification.intent
    name = form.get("intent") or page.query.get("intent") or suggested
    chosen = page.ports.registry.get(name)
    return await page.render(
        "task.html",
        dossier=dossier,
        record=record,
        chosen=chosen,
        inputs=_inputs(chosen, record, form),
        unknown=bool(chosen and [p for p in chosen.needs if dossier.view.at(p) is None]),
        is_open=bool(form.get("edited") or (chosen and chosen.name != record.intent)),
        refusal=why_not(page.ports, record, page.who, chosen.name if chosen else None),
        missing=missing(page.ports.registry.get(record.intent), record),
        missing_approvers=missing_approvers(page.ports, record),
        like=like,
        error=error,
        form=form,
        read_at=found.read_time,
        traces=traces,
        cloud_trace=cloud_trace(page.ports.settings, record),
        shown=[found.version, like, error, [len(trace.spans) for trace in traces]],
    )


async def _ask_model(page: Page, record: TaskRecord) -> None:
    """Have the model asked about a task whose call was spared, now that a person looks at it; once is enough."""
    opened, this = page.ports.opened, (record.task_id, record.generation)
    if is_spared(record) and this not in opened and await ask_model(page.ports, record):
        if len(opened) >= MAX_OPENED:
            opened.clear()
        opened.add(this)


async def _like(page: Page, record: TaskRecord) -> tuple[Wish, ...]:
    """Return what other tasks ask about the same business subject."""
    intent = page.ports.registry.get(record.intent)
    path = subject_path(intent, record.parameters) if intent else None
    if path is None:
        return ()
    (found,) = await page.ports.store.read(path)
    return wishes_like(found, intent, record.task_id)


async def payload(page: Page, task_id: str) -> Response:
    """The event as the source sent it, as plain text: it may be 256 KiB of anything."""
    (found,) = await page.ports.store.read(task_path(task_id))
    return page.protected(PlainTextResponse(to_record(found).payload))


async def dead_letters(page: Page) -> Response:
    """Messages that nobody could finish, newest first."""
    after = search.place(page.query, "dead_letters")
    found = await search.letters(page.ports.store, limit=TASKS_ON_A_PAGE, after=after)
    letters = [(r.id, LetterRow.model_validate(r.data)) for r in found]
    more = search.token(found[-1]) if len(found) == TASKS_ON_A_PAGE else None
    return await page.render("dead_letters.html", letters=letters, more=more, shown=[r.version for r in found])


async def health_page(page: Page) -> Response:
    """The last day in numbers and small charts."""
    store, registry = page.ports.store, page.ports.registry
    found, stopped = await latest(store, registry, page.now), await switches(store, registry)
    tripped, drifted = await breakers(store), await drift(store)
    trouble = page.ports.clock_trouble()
    return await page.render(
        "health.html",
        health=found,
        up_to=UP_TO,
        switches=stopped,
        breakers=tripped,
        drift=drifted,
        clock_trouble=trouble,
        shown=[found.at, stopped, trouble, tripped, drifted],
    )


async def _jump(page: Page, task_id: str) -> Response:
    if search.TASK_ID.fullmatch(task_id) and await page.ports.store.read_rows(("state",), task_path(task_id)):
        return page.protected(RedirectResponse(f"/tasks/{task_id}", status_code=303))
    raise NotFound("there is no task of this id; ids are case-sensitive and complete", code="task_not_found")


def _inputs(intent: Intent | None, record: TaskRecord, form: Mapping[str, str]) -> list[Input]:
    if intent is None:
        return []
    values: dict[str, Any] = {n: v for n, v in record.shown_parameters.items() if n in intent.parameters.model_fields}
    if not record.parameters:  # only suggested: whoever approves must see all of it
        values = {n: present.plain(v) for n, v in values.items()}
    found = inputs(intent.parameters, values)
    return [field.filled(form[field.name]) if field.name in form else field for field in found]
