"""GET in, HTML out: what waits, all tasks, one task's dossier, dead letters, health. Nothing here changes anything,
but that the model is asked about a task whose call was spared when somebody opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from functions.console import lists, places, search
from functions.console.actions import actions
from functions.console.dossier import Dossier, Line
from functions.console.health import UP_TO, latest
from functions.console.lists import Listing
from functions.console.page import Page
from functions.console.traces import cloud_traces, traces_of
from functions.console.waterfall import stretches
from shared.errors import BadRequest
from shared.gate.policy import subject_path
from shared.records.breakers import breakers
from shared.records.creation import wishes_like
from shared.records.documents import ROW_FIELDS, task_path, to_record, to_rows
from shared.records.drift import drift
from shared.records.outbox import ask_model
from shared.records.switches import switches
from shared.task.schemas import REDRIVABLE, State, TaskRecord, TaskRow
from shared.task.subjects import Wish
from shared.task.waiting import is_spared
from shared.task.working import looks, wants_somebody
from shared.wiring.ports import Filter

WAITING_ON_A_PAGE = 100
TASKS_ON_A_PAGE = 50
_REDRIVE = {"redrive": "Redrive selected..."}
# What can be done with many of a list at once, by the state that it is of.
_REPAIRS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(REDRIVABLE, _REDRIVE),
    "FAILED": _REDRIVE | {"close": "Close selected: nothing more is to be done..."},
    "UNKNOWN": {"settle": "Settle selected: say what you found..."},
}
OTHERS = 5  # tasks of a customer, beside the one that is shown
MAX_OPENED = 10_000  # tasks that an instance remembers to have asked about


async def waiting(page: Page) -> Response:
    """What people have to decide: the most urgent first, then whatever expires first."""
    return await _list(page, lists.WAITING, WAITING_ON_A_PAGE)


async def tasks(page: Page) -> Response:
    """Tasks by what is asked for, newest first; an id leads straight to its task."""
    task_id = page.query.get("q", "").strip()
    if task_id and await _is_task(page, task_id):
        return page.protected(RedirectResponse(f"/tasks/{task_id}", status_code=303))
    return await _list(page, lists.ALL, TASKS_ON_A_PAGE)


async def _list(page: Page, path: str, limit: int) -> Response:
    try:
        listing = Listing.parse(path, page.query, page.who.name)
    except BadRequest as error:
        return await _refused(page, path, error)
    told = await _told(page)
    found = await lists.page_of(page.ports, listing, limit=limit, after=places.place(page.query))
    wanted, rows = listing.wanted, to_rows(found.rows)
    read_at = {row.id: row.read_time for row in found.rows}
    here = {r.task_id: by for r in rows if (by := looks(r, read_at[r.task_id])) and by != page.who.name}
    return await page.render(
        "tasks.html",
        listing=listing,
        lines=list(map(Line, rows)),
        looking=here,
        more=places.token(found.more) if found.more else None,
        looked_at=found.looked_at,
        told=told,
        states=get_args(State),
        orders=search.orders(wanted),
        repairs=_REPAIRS.get(wanted.state or "", {}),
        error=None,
        shown=[told, here, *(r.version for r in found.rows)],
    )


async def _refused(page: Page, path: str, error: BadRequest) -> Response:
    """A filter that cannot be asked for, as it was filled in, with the reason."""
    listing = Listing.refused(path, page.query)
    return await page.render(
        "tasks.html",
        listing=listing,
        lines=[],
        looking={},
        more=None,
        looked_at=0,
        told=None,
        states=get_args(State),
        orders=search.orders(listing.wanted),
        repairs={},
        error=error,
        shown=[error.message],
        status=error.status,
    )


async def next_task(page: Page) -> Response:
    """The way to the task after the one that somebody is at; after the last one to the list."""
    after, listing, done = page.query.get("after", ""), lists.listing_of(page.query, page.who), "done" in page.query
    if not search.TASK_ID.fullmatch(after):
        raise BadRequest("after must be the id of a task", code="bad_query", field="after")
    found = await lists.next_in(page.ports, listing, after, around=done)
    address = listing.task(found) if found else listing.href
    told = f"{'&' if '?' in address else '?'}told={after}" if done else ""
    return page.protected(RedirectResponse(address + told, status_code=303))


async def _told(page: Page) -> TaskRow | None:
    """Return the task that somebody has just seen to, whose page this is the next of."""
    task_id = page.query.get("told", "")
    if not search.TASK_ID.fullmatch(task_id):
        return None
    return next(iter(to_rows(await page.ports.store.read_rows(ROW_FIELDS, task_path(task_id)))), None)


async def _is_task(page: Page, task_id: str) -> bool:
    return bool(search.TASK_ID.fullmatch(task_id) and await page.ports.store.read_rows(("state",), task_path(task_id)))


async def task(
    page: Page, task_id: str, error: BadRequest | None = None, form: Mapping[str, str] | None = None
) -> Response:
    """One task: what would run and why it waits, what happened, what people may do now.

    `error` and `form`: a submitted form that was refused, shown again as it was filled in.
    """
    (found,) = await page.ports.store.read(task_path(task_id))
    record = to_record(found)
    await _ask_model(page, record)
    dossier = Dossier(record)
    like, traces = await _like(page, record), stretches(await traces_of(page.ports.settings, task_id))
    others = await _others(page, record)
    doors, told = actions(page, dossier, form or {}, error), await _told(page)
    by = looks(record, found.read_time)
    return await page.render(
        "task.html",
        dossier=dossier,
        record=record,
        like=like,
        others=others,
        read_at=found.read_time,
        traces=traces,
        cloud_traces=cloud_traces(page.ports.settings, record),
        listing=lists.listing_of(form or page.query, page.who),
        told=told,
        looking=by if by != page.who.name else "",
        wants_somebody=wants_somebody(record),
        shown=[found.version, told, by, like, doors["error"], [len(trace.spans) for trace in traces]],
        **doors,
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


async def _others(page: Page, record: TaskRecord) -> list[Line]:
    """Return the newest other tasks of whoever asks. A look whether anything is new does not look for them again."""
    key = record.requester.key if record.requester else ""
    if not key or "if-none-match" in page.request.headers:
        return []
    where = [Filter("requester.key", "==", key)]
    found = await page.ports.store.query_rows(
        "tasks", ROW_FIELDS, where=where, order_by="created_at", descending=True, limit=OTHERS + 1
    )
    return [Line(row) for row in to_rows(found) if row.task_id != record.task_id][:OTHERS]


async def payload(page: Page, task_id: str) -> Response:
    """The event as the source sent it, as plain text: it may be 256 KiB of anything."""
    (found,) = await page.ports.store.read(task_path(task_id))
    return page.protected(PlainTextResponse(to_record(found).payload))


async def health_page(page: Page, error: BadRequest | None = None, form: Mapping[str, str] | None = None) -> Response:
    """The last day in numbers and small charts. `error` and `form`: of a form of it that was refused."""
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
        error=error,
        form=form or {},
        shown=[found.at, stopped, trouble, tripped, drifted, error and error.message],
        status=error.status if error else 200,
    )
