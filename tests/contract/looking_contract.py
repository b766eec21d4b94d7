"""What it costs to look, on every store: a page reads as much of ten times the history, and nothing that is long.

A subclass named `Test...` supplies the fixture `store` and says how many tasks there are at first, and how long they
are.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import httpx

from functions.console import main as console
from functions.console.health import health
from functions.notify.step import notify
from functions.sweep.backlog import backlog
from shared.canonical import sha256_hex
from shared.settings import Settings, Webhook
from shared.task.approval import is_open
from shared.task.letter import DeadLetter
from shared.wiring import composition
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Document, Filter, Row, Snapshot, Store, Write
from tests.scripted import MemoryPublisher
from tests.world import REFUND, REGISTRY, deployed, paused

T = TypeVar("T", Snapshot, Row)
TENFOLD = 10
STATES = ("AWAITING_APPROVAL", "FAILED", "AWAITING_APPROVAL", "SUCCEEDED")
NOW = datetime.now(UTC).replace(microsecond=0)
LISTS = (
    "/",
    "/?intent=refund_request",
    "/tasks",
    "/tasks?state=FAILED",
    "/tasks?source=helpdesk",
    "/tasks?state=FAILED&intent=refund_request&source=helpdesk&since=2020-01-01",
    "/tasks?q=t0000001",
    "/dead-letters",
    "/health",
    "/api/tasks?limit=100",
    "/api/tasks?state=AWAITING_APPROVAL&order=oldest&limit=100",
    "/api/dead-letters?limit=100",
    "/api/dead-letters?open=true&limit=100",
    "/api/counts",
    "/api/ignored",
    "/api/labels?limit=100",
    "/api/labels/count",
)
PAGE = 100  # no list above is longer
LONGER = {"/health": 130, "backlog": 200}
ROW_BYTES = 4_000  # a payload is longer
TRIES = 5  # Firestore does not always answer in time on a busy machine, and says so


@dataclass
class Cost:
    """What was asked of a store. `counted`: how far counts may have gone."""

    calls: int = 0
    documents: int = 0
    size: int = 0  # bytes of JSON
    counted: int = 0


class Watched:
    """A `Store` that keeps account of what is read of another one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.cost = Cost()
        self.commit, self.close = store.commit, store.close

    async def read(self, *paths: str) -> list[Snapshot]:
        return self._noted(await self._store.read(*paths))

    async def query(self, collection: str, **how: Any) -> list[Snapshot]:
        return self._noted(await self._store.query(collection, **how))

    async def read_rows(self, fields: Sequence[str], *paths: str) -> list[Row]:
        return self._noted(await self._store.read_rows(fields, *paths))

    async def query_rows(self, collection: str, fields: Sequence[str], **how: Any) -> list[Row]:
        return self._noted(await self._store.query_rows(collection, fields, **how))

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        self.cost.calls += 1
        self.cost.counted += up_to
        return await self._store.count(collection, where=where, up_to=up_to)

    def _noted(self, found: list[T]) -> list[T]:
        self.cost.calls += 1
        self.cost.documents += len(found)
        self.cost.size += sum(len(json.dumps(dict(each.data or {}), default=str)) for each in found)
        return found


async def history(first: int, number: int, long_bytes: int) -> list[tuple[str, Document]]:
    """Return paths and documents of tasks, one a minute into the past, decided; a letter for every two."""
    world = await paused()
    record, approval = (await world.record("t1")).model_dump(), await world.approval("t1")
    await world.decide("t1")
    label = (await world.store.read("labels/t1"))[0].data or {}
    found: list[tuple[str, Document]] = []
    for n in range(first, first + number):
        at, state, task_id = NOW - timedelta(minutes=n + 15), STATES[n % len(STATES)], f"t{n:07}"
        waits = state == "AWAITING_APPROVAL"
        times = {"created_at": at, "updated_at": at, "next_check_at": NOW + timedelta(days=1)}
        about = times | {"task_id": task_id, "state": state, "payload": json.dumps({"text": "x" * long_bytes})}
        asked = {"requested_at": at, "expires_at": NOW + timedelta(days=1), "outcome": None if waits else state}
        found += [(f"tasks/{task_id}", record | about), (f"approvals/{task_id}", approval | asked)]
        found.append((f"labels/{task_id}", label | {"task_id": task_id, "at": at}))
        if n % 2:
            letter = DeadLetter(
                subscription="tasks",
                message_id=task_id,
                task_id=task_id,
                reason="dead_lettered",
                data="e30=" * (long_bytes // 4),
                outcome="failed",
                redriven_at=None if n % 4 == 1 else at,
                created_at=at,
                expire_at=None,
            )
            found.append((f"dead_letters/{sha256_hex(task_id.encode())}", letter.model_dump()))
    assert is_open(found[1][1])
    return found


async def fill(store: Store, documents: Sequence[tuple[str, Document]]) -> None:
    """Commit documents, some at a time: a commit has at most 10 MiB."""
    for n in range(0, len(documents), 100):
        await store.commit(*(Write(path, data, ABSENT) for path, data in documents[n : n + 100]))


@asynccontextmanager
async def looking(store: Store) -> AsyncIterator[tuple[httpx.AsyncClient, Ports]]:
    """Yield a client of the console over this store."""
    ports = Ports(Settings(), store, MemoryPublisher())
    vars(ports)["registry"] = REGISTRY
    composition.install(ports)
    try:
        transport = httpx.ASGITransport(deployed(console, "console"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client, ports
    finally:
        composition.install(None)


async def costs(store: Store) -> dict[str, Cost]:
    """Return what each page and list reads."""
    found = {}
    for path in LISTS:
        watched = Watched(store)
        async with looking(watched) as (client, _):
            for _ in range(TRIES):
                watched.cost = Cost()
                answer = await client.get(path)
                if answer.status_code != 503:
                    break
            assert answer.status_code in (200, 303), path
        found[path] = watched.cost
    tasks = [f"t{n:07}" for n in range(PAGE)]
    letters = [sha256_hex(task_id.encode()) for task_id in tasks]
    for action, picks in (("approve", [f"{t}|1|{'0' * 64}" for t in tasks]), ("redrive_letter", letters)):
        watched = Watched(store)
        async with looking(watched) as (client, _):
            await client.get("/")
            form = {"action": action, "csrf": client.cookies["switchyard"], "pick": picks}
            watched.cost = Cost()
            assert (await client.post("/bulk", data=form)).status_code == 200
        found[f"confirm {action}"] = watched.cost
    watched = Watched(store)
    await backlog(watched)
    found["backlog"] = watched.cost
    return found


class LookingContract:
    """Every page, every list and the looks of sweep and notify."""

    few: ClassVar[int] = 400
    long_bytes: ClassVar[int] = 20_000

    async def test_ten_times_the_history_costs_nothing_more_to_look_at(self, store: Store) -> None:
        await fill(store, await history(0, self.few, self.long_bytes))
        before = await costs(store)
        await fill(store, await history(self.few, self.few * (TENFOLD - 1), self.long_bytes))
        after = await costs(store)
        table = "\n".join(f"{path:80} {astuple(after[path])}" for path in after)
        assert after == before, table
        assert all(cost.documents <= LONGER.get(path, PAGE) for path, cost in after.items()), table
        assert all(cost.size <= cost.documents * ROW_BYTES for cost in after.values()), table
        assert max(cost.calls for path, cost in after.items() if path not in ("/health", "/api/labels/count")) <= 10, (
            table
        )
        assert after["/health"].counted <= 10_000 * (24 + 3 * len(REGISTRY)) + 1_000 * (25 + 2 * len(REGISTRY)), table

    async def test_news_of_a_minute_are_read_up_to_a_bound_and_without_payloads(self, store: Store) -> None:
        await fill(store, await history(0, self.few, self.long_bytes))
        watched = Watched(store)
        webhook = Webhook("slack", "http://127.0.0.1:1/services/x")
        ports = Ports(Settings(notify_webhook=webhook), watched, MemoryPublisher())
        assert (await notify(ports)).body == {"main": "nothing_new"}
        await ports.pool.close()
        assert watched.cost.documents <= 501  # the oldest open approvals, of which any may be about to expire
        assert watched.cost.size < 501 * 500

    async def test_health_tells_what_there_is_to_tell(self, store: Store) -> None:
        await fill(store, await history(0, self.few, self.long_bytes))
        found = await health(store, REGISTRY, NOW)
        assert found.hourly[-1] == 60 - 15 + 1  # the first is 15 minutes old, and an hour begins with its first moment
        assert found.hourly[-2] == 60
        assert len(found.latencies_s) == min(100, sum(1 for n in range(self.few) if n % 4 == 3 and n + 15 <= 24 * 60))
        [refunds] = [i for i in found.intents if i.name == REFUND[1]["intent"]]
        assert refunds.tasks == min(self.few, 24 * 60 - 15 + 1)
        assert found.oldest_waiting == NOW - timedelta(minutes=self.few - 2 + 15)
