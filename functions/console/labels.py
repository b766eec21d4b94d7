"""What decisions say of the classifier: page by page for whoever proves or teaches one, and in numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console import places, search
from shared.errors import BadRequest
from shared.records.documents import task_path, to_record, tombstone_in
from shared.records.proof import summary
from shared.task.label import Label, text_of
from shared.wiring.composition import Ports
from shared.wiring.ports import Filter, Row, Snapshot, Store

NAMES = ("since", "until", "order", "texts", "limit", "page_token")
TASKS_AT_ONCE = 10  # each may be a megabyte


async def listing(request: Request, ports: Ports) -> Response:
    """Newest decision first, or oldest; `texts` looks the words up that a label does not keep, while its task does."""
    query, limit = request.query_params, search.limit(request.query_params)
    oldest_first = search.is_oldest_first(query)
    if query.get("texts") not in (None, "true"):
        raise BadRequest("texts must be true, or left out", code="bad_query", field="texts")
    since, until, after = search.moment(query, "since"), search.moment(query, "until"), places.place(query, "labels")
    where = [Filter("at", ">=", since)] if since else []
    where += [Filter("at", "<=", until)] if until else []
    found = await ports.store.query(
        "labels",
        where=where,
        order_by="at",
        descending=not oldest_first,
        limit=limit,
        after=after and Row(after.path, {"at": after.data["created_at"]}, "", after.read_time),
    )
    labels = [Label.model_validate(s.data) for s in found]
    if "texts" in query:
        labels = await _with_texts(ports.store, labels)
    more = places.token(Row(found[-1].path, {"created_at": labels[-1].at}, "", labels[-1].at)) if found else None
    shown = [label.model_dump(mode="json") for label in labels]
    return JSONResponse({"labels": shown, "next_page_token": more if len(found) == limit else None})


async def counts(ports: Ports) -> Response:
    """How many decisions there are, and how many are proof."""
    found = await summary(ports.store, ports.registry)
    told = asdict(found) | {
        "intents": {name: {"right": right, "wrong": wrong} for name, (right, wrong) in found.intents.items()}
    }
    return JSONResponse(told | {"words": found.words})


async def _with_texts(store: Store, labels: Sequence[Label]) -> list[Label]:
    """Return the labels, each with what its task still has of the words."""
    texts: dict[str, str] = {}
    missing = [label.task_id for label in labels if not label.text]
    for begin in range(0, len(missing), TASKS_AT_ONCE):
        found = await store.read(*map(task_path, missing[begin : begin + TASKS_AT_ONCE]))
        texts |= {s.id: text for s in found if (text := await asyncio.to_thread(_text, s))}
    return [
        label.model_copy(update={"text": texts[label.task_id]}) if label.task_id in texts else label for label in labels
    ]


def _text(snapshot: Snapshot) -> str:
    if snapshot.data is None or tombstone_in(snapshot):
        return ""
    try:
        return text_of(to_record(snapshot))
    except ValidationError:  # of a later version, or edited by hand
        return ""
