"""An officer's requests in; what is kept of a person, page by page, or what became of it, out.

Everything about a person is named in bodies: addresses of requests are logged on their way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console import places
from functions.console.bodies import body_of
from functions.console.identity import only
from shared.errors import NotFound
from shared.records.erasure import MAX_ITEMS, erase
from shared.records.privacy import (
    approvals_of,
    coverage,
    give_keys,
    labels_beside,
    labels_of,
    letters_looked_at,
    must_be_officer,
    rows_of,
    someone,
    tasks_of,
    theirs,
)
from shared.serving.entry import Outcome, log_outcome, started
from shared.task.moves import Person
from shared.task.schemas import Model, TaskId
from shared.wiring.composition import Ports
from shared.wiring.ports import Row, Snapshot

WHOLE_ON_A_PAGE = 10  # each may be a megabyte
ON_A_PAGE = 100
TASK_MEMBERS = ("task_id", "state", "intent", "source", "created_at", "requester")
LABEL_MEMBERS = ("task_id", "at", "verdict", "said")
LETTER_MEMBERS = ("task_id", "subscription", "reason", "created_at", "redriven_at")
PERSON = "An e-mail address, whose +tags do not matter, or <source>:<id> where the source tells no address"
Done = tuple[int, dict[str, Any]]  # how many, and the answer
Letter = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class PageBody(Model):
    """What `POST /api/privacy/keys` takes: where to go on."""

    page_token: str | None = Field(default=None, max_length=400)


class PersonBody(PageBody):
    """What `POST /api/privacy/tasks` and `/api/privacy/letters` take."""

    requester: str = Field(min_length=3, max_length=320, description=PERSON)
    whole: bool = Field(default=True, description="The documents as stored; else what tells them apart")


class EraseBody(Model):
    """What `POST /api/privacy/erase` takes: what was looked at before. The reason is kept, and names nobody."""

    requester: str = Field(min_length=3, max_length=320, description=PERSON)
    reason: str = Field(min_length=1, max_length=300)
    task_ids: list[TaskId] = Field(default=[], max_length=MAX_ITEMS)
    letter_ids: list[Letter] = Field(default=[], max_length=MAX_ITEMS)
    label_ids: list[TaskId] = Field(default=[], max_length=MAX_ITEMS, description="Of labels whose tasks are not named")


async def respond(request: Request, ports: Ports, who: Person, path: str) -> Response:
    """Route one request of a privacy officer; each leaves a log line with who, what and how many.

    Raises:
        Forbidden: `not_a_privacy_officer`.
        SwitchyardError: mapped to its status by the entry point.
    """
    began, operation = started(), path.removeprefix("/api/privacy/")
    if operation not in WORKS:
        raise NotFound("there is nothing here; see /openapi.json", code="not_found")
    must_be_officer(ports, who)
    if operation == "keys" and request.method in ("GET", "HEAD"):
        tasks, with_key = await coverage(ports)
        return JSONResponse({"tasks": tasks, "with_key": with_key})
    only(request, "POST")
    work, model = WORKS[operation]
    count, answer = await work(await body_of(request, model), ports, who)
    fields = {"operation": operation, "author": who.name, "count": count}
    log_outcome("console", Outcome(f"privacy_{operation}_done", fields=fields), began)
    return JSONResponse(answer)


async def _keys(body: PageBody, ports: Ports, who: Person) -> Done:
    """Give one page of tasks the key that finds them."""
    rows, unreadable = await give_keys(ports, ON_A_PAGE, _place(body, "tasks"))
    more = _more(rows, ON_A_PAGE)
    return len(rows), {"looked_at": len(rows), "unreadable": unreadable, "next_page_token": more}


async def _tasks(body: PersonBody, ports: Ports, who: Person) -> Done:
    """Show a person's tasks and their approvals, newest first."""
    of, after = someone(ports, body.requester), _place(body, "tasks")
    if not body.whole:
        rows = await rows_of(ports, of, TASK_MEMBERS, ON_A_PAGE, after)
        return len(rows), {"tasks": [_plain(r.data) for r in rows], "next_page_token": _more(rows, ON_A_PAGE)}
    found = await tasks_of(ports, of, WHOLE_ON_A_PAGE, after)
    return len(found), {
        "tasks": [_stored(s) for s in found],
        "approvals": [_stored(s) for s in await approvals_of(ports, found)],
        "labels": [_stored(s) for s in await labels_beside(ports, found)],
        "next_page_token": _more(found, WHOLE_ON_A_PAGE),
    }


async def _labels(body: PersonBody, ports: Ports, who: Person) -> Done:
    """Show a person's labels, also of tasks that are gone."""
    found = await labels_of(ports, someone(ports, body.requester), ON_A_PAGE, _place(body, "labels"))
    shown = [_stored(s) if body.whole else _some(s, *LABEL_MEMBERS) for s in found]
    last = found[-1] if len(found) == ON_A_PAGE else None
    more = last and places.token(Row(last.path, {"created_at": last.read_time}, "", last.read_time))
    return len(found), {"labels": shown, "next_page_token": more}


async def _letters(body: PersonBody, ports: Ports, who: Person) -> Done:
    """Look through one page of dead letters for a person's."""
    looked_at = await letters_looked_at(ports, WHOLE_ON_A_PAGE, _place(body, "dead_letters"))
    found = await theirs(ports, someone(ports, body.requester), looked_at)
    shown = [_stored(s) if body.whole else _some(s, *LETTER_MEMBERS) | {"letter_id": s.id} for s in found]
    more = _more(looked_at, WHOLE_ON_A_PAGE)
    return len(found), {"dead_letters": shown, "looked_at": len(looked_at), "next_page_token": more}


async def _erase(body: EraseBody, ports: Ports, who: Person) -> Done:
    """Erase what has ended of what is named."""
    done = await erase(
        ports,
        someone(ports, body.requester),
        who,
        reason=body.reason,
        task_ids=body.task_ids,
        letter_ids=body.letter_ids,
        label_ids=body.label_ids,
    )
    return len(done.erased), {"audit_id": done.audit_id, "erased": done.erased, "left": done.left}


WORKS: Mapping[str, tuple[Callable[..., Awaitable[Done]], type[Model]]] = {
    "keys": (_keys, PageBody),
    "tasks": (_tasks, PersonBody),
    "labels": (_labels, PersonBody),
    "letters": (_letters, PersonBody),
    "erase": (_erase, EraseBody),
}


def _place(body: PageBody, collection: Literal["tasks", "dead_letters", "labels"]) -> Row | None:
    return places.place({"page_token": body.page_token} if body.page_token else {}, collection)


def _more(found: Sequence[Snapshot | Row], limit: int) -> str | None:
    """Return where to go on: a full page may have one behind it."""
    if len(found) < limit:
        return None
    last = found[-1]
    return places.token(Row(last.path, last.data or {}, last.version, last.read_time))


def _stored(snapshot: Snapshot) -> dict[str, Any]:
    """Return a document as it is stored; times as ISO 8601."""
    return {"document": snapshot.path, "data": _plain(snapshot.data)}


def _some(snapshot: Snapshot, *members: str) -> dict[str, Any]:
    data = snapshot.data or {}
    return {name: _plain(data.get(name)) for name in members}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value
