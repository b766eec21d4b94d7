"""Every query of the code has its index, every document with an end is deleted, and nothing long is indexed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import httpx
import pytest

from functions.console import main as console
from functions.notify.step import notify
from functions.sweep.backlog import backlog
from shared.event.tally import Kind
from shared.records import routers
from shared.records.answers import expect_answer
from shared.records.cards import CardRecord, card_path
from shared.records.ignored import add
from shared.records.ignored import told as counted
from shared.records.tombstones import entomb
from shared.settings import Webhook
from shared.task.moves import Person
from shared.wiring import composition
from shared.wiring.ports import Filter, Row, Snapshot
from tests.scripted import ScriptedNetwork
from tests.steps.test_breakers import judged
from tests.store import BEGINNING, MemoryStore
from tests.terraform.indexes import Index, declared
from tests.terraform.workspace import Change
from tests.world import GOODS, ORDER_STATUS, REFUND, S, World, deployed

ALIKE = ("==", "contains")  # what indexes of the same order are merged for
Query = tuple[str, frozenset[str], str | None, bool]


class WatchedStore(MemoryStore):
    """Remembers the shape of each query: collection, fields compared for equality, order, descending."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.queries: set[Query] = set()

    async def query(
        self,
        collection: str,
        *,
        where: Sequence[Filter] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: Snapshot | Row | None = None,
    ) -> list[Snapshot]:
        self.queries.add((collection, frozenset(f.field for f in where if f.op in ALIKE), order_by, descending))
        return await super().query(
            collection, where=where, order_by=order_by, descending=descending, limit=limit, after=after
        )

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        ranges = [f.field for f in where if f.op not in ALIKE]
        equal = frozenset(f.field for f in where if f.op in ALIKE)
        self.queries.add((collection, equal, ranges[0] if ranges else None, True))
        return len(await super().query(collection, where=where, limit=up_to))


async def watched(kind: Callable[[Callable[[], datetime], ScriptedNetwork], S]) -> S:
    """Return a store of this kind on which the console has listed in every way, and what is scheduled has run."""
    world = World(REFUND[1], privacy_key="k" * 32)
    store = world.keep_in(kind)
    await world.classify(REFUND[0])
    judged(world, False, 8)
    await world.sweep()
    await backlog(store)
    await told(world)
    composition.install(world.ports)
    try:
        transport = httpx.ASGITransport(deployed(console, "console"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for query in ("", "?state=READY", "?intent=refund_request", "?state=READY&intent=refund_request"):
                assert (await client.get(f"/api/tasks{query}")).status_code == 200
            everything = "?state=READY&intent=refund_request&source=zendesk&since=2026-01-01&until=2026-01-02"
            for path in (
                "/",
                "/?intent=refund_request&q=kim",
                "/tasks?q=kim",
                f"/tasks{everything}",
                "/tasks?assignee=me",
                "/tasks?decided_by=me",
                "/tasks?state=AWAITING_APPROVAL&order=amount",
                "/dead-letters",
                "/health",
                "/report",
                "/audits",
            ):
                assert (await client.get(path)).status_code == 200
            for path in ("/api/dead-letters?open=true", "/api/dead-letters", "/api/tasks?source=zendesk&order=oldest"):
                assert (await client.get(path)).status_code == 200
            for path in ("/api/labels", "/api/labels/count", "/api/router", f"/api/router/report?hash={'0' * 64}"):
                assert (await client.get(path)).status_code == 200
            await asks_of_a_person(client)
    finally:
        composition.install(None)
    return store


async def asks_of_a_person(client: httpx.AsyncClient) -> None:
    """Look for somebody's tasks and letters, and see whether all tasks have a key."""
    assert (await client.get("/api/privacy/keys")).status_code == 200
    assert (await client.post("/api/privacy/keys", json={})).status_code == 200
    for what in ("tasks", "labels", "letters"):
        assert (await client.post(f"/api/privacy/{what}", json={"requester": "a@b.c"})).status_code == 200


async def promoted() -> World:
    """Return a world in which rules were asked beside whoever decides, and then promoted."""
    ml = Person("ml@example.com", "console")
    world = World(ORDER_STATUS[1], promoters=frozenset({ml.name}), classifier="genai")
    name = await routers.upload(world.ports, ml, "prompt", "Answer.")
    await routers.shadow(world.ports, ml, {"hash": name, "share": 1.0, "calls_a_day": 9})
    await world.classify(ORDER_STATUS[0])
    await routers.promote(world.ports, ml, name, "better")
    return world


async def told(world: World) -> None:
    """Look for news, for a chat that nobody serves."""
    world.set(notify_webhook=Webhook("slack", "http://127.0.0.1:1/services/x"))
    await notify(world.ports)
    await world.ports.pool.close()


def composite(plan: list[Change]) -> set[Index]:
    """Return the queries that the plan's composite indexes serve."""
    served = set()
    for change in plan:
        if change.type == "google_firestore_index" and change.after is not None:
            *equal, last = change.after["fields"]
            fields = frozenset(f["field_path"] for f in equal)
            served.add((change.after["collection"], fields, last["field_path"], last["order"] == "DESCENDING"))
    return served


def test_composite_indexes_of_the_file_are_planned(plan: list[Change]) -> None:
    """Whether each query has one is asked of Firestore's emulator (`tests/emulators/test_indexes.py`)."""
    assert composite(plan) == declared()


async def test_every_index_serves_a_query(plan: list[Change]) -> None:
    queries = (await watched(WatchedStore)).queries
    for collection, equal, order, _ in composite(plan):
        asked = ((c, e | {o} - {None}) for c, e, o, _ in queries)
        assert any(c == collection and equal | {order} <= fields for c, fields in asked), (collection, equal)


def fields_of(plan: list[Change]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the fields that the plan treats in a way of their own."""
    fields = [c.after for c in plan if c.type == "google_firestore_field" and c.after is not None]
    return {(f["collection"], f["field"]): f for f in fields}


async def documents() -> dict[str, dict[str, Any]]:
    """Return one document of each collection that the steps write."""
    world = World(REFUND[1])
    await world.classify(REFUND[0])
    await world.deadletter(b"junk", "tasks")
    await add(world.store, counted({Kind("2026-01-05", "github", "ping", "ping"): 1}), "m1")
    await expect_answer(world.store, "t1", "/commands/T1/1/x", BEGINNING)
    await told(world)
    carded = World()
    card = CardRecord(task_id="t1", chat="slack", posted_at=BEGINNING, expire_at=BEGINNING)
    carded.store.put(card_path("slack", "t1"), **card.model_dump())
    ended = World(REFUND[1])
    await ended.classify(REFUND[0])
    await ended.decide("t1", "reject")
    await entomb(ended.ports, "t1")
    automatic = World(
        {"intent": "cancel_order", "parameters": {"order_id": "#10021"}, "confidence": 0.95}, automatic=GOODS
    )
    await automatic.classify(
        ORDER_STATUS[0].model_copy(
            update={"raw_payload": {"text": "Cancel order #10021", "requester": {"email": "kim@example.com"}}}
        )
    )
    routed = await promoted()
    worlds = (ended, routed, carded, world, automatic)
    found = {path.partition("/")[0]: path for w in worlds for path in w.store.documents}
    stores = {path: w.store for w in worlds for path in w.store.documents}
    data = {name: (await stores[path].read(path))[0].data or {} for name, path in found.items()}
    return data | {"tasks": data["tasks"] | (ended.store.look("tasks/t1").data or {})}


async def test_every_document_that_has_an_end_is_deleted_then_and_tasks_are_not(plan: list[Change]) -> None:
    mortal = {name for name, document in (await documents()).items() if "expire_at" in document} - {"tasks"}
    assert mortal == {"answers", "approvals", "cards", "dead_letters", "effects", "ignored", "shadows", "usage"}
    expiring = {collection for (collection, field), f in fields_of(plan).items() if f["ttl_config"]}
    assert expiring == mortal
    assert all(field == "expire_at" for (_, field), f in fields_of(plan).items() if f["ttl_config"])


async def test_fields_without_an_index_exist_and_are_never_queried(plan: list[Change]) -> None:
    written, store = await documents(), await watched(WatchedStore)
    asked = {(collection, field) for collection, equal, order, _ in store.queries for field in (*equal, order)}
    exempt = {key for key, f in fields_of(plan).items() if f["index_config"] and not f["index_config"][0]["indexes"]}
    assert {("tasks", "payload"), ("tasks", "history"), ("dead_letters", "data")} <= exempt
    assert {(collection, field) for collection, field in exempt if field not in written[collection]} == set()
    assert exempt & asked == set()


@pytest.mark.parametrize("collection", ["tasks", "approvals"])
async def test_every_long_field_is_without_an_index(collection: str, plan: list[Change]) -> None:
    """Maps and lists make an entry per member."""
    document = (await documents())[collection]
    long = {name for name, value in document.items() if isinstance(value, list | dict) and name not in SEARCHABLE}
    assert {(collection, name) for name in long} <= fields_of(plan).keys()


# Small maps of fixed fields that people search for in the database's console.
SEARCHABLE = {"approval", "effect", "error", "exec", "outbox", "requester"}
