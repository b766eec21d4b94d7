"""Pages, lists, sweep and notify over SQLite: each answer comes from an index, whatever there is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from functions.notify.step import notify
from functions.sweep.step import sweep
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.settings import Settings, Webhook
from shared.wiring.composition import Ports
from tests.contract.looking_contract import LISTS, TENFOLD, LookingContract, fill, history, looking
from tests.scripted import MemoryPublisher
from tests.world import REGISTRY

OPEN = '"(?:approval|outcome|redriven_at)" IS NULL'  # what indexes of open documents are about


class Kept(Database):
    """Keeps the statements that it was asked to scan by, and counts the instructions that SQLite took."""

    instructions = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.statements: dict[str, Sequence[Any]] = {}
        self._scanner.set_progress_handler(self._count, 1)

    async def scan(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.statements[sql] = arguments
        return await super().scan(sql, arguments)

    def _count(self) -> int:
        self.instructions += 1
        return 0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Kept]:
    database = Kept(tmp_path / "switchyard.db")
    yield database
    await database.close()


@pytest.fixture
async def store(database: Kept) -> EmbeddedStore:
    return EmbeddedStore(database)


async def look_everywhere(store: EmbeddedStore) -> None:
    """Open every page and list, the second of each as well, and run what is scheduled."""
    async with looking(store) as (client, ports):
        for path in (*LISTS, "/tasks?intent=refund_request&source=helpdesk", "/tasks?state=FAILED&source=helpdesk"):
            assert (await client.get(path)).status_code in (200, 303)
        for path in ("/api/tasks", "/api/tasks?order=oldest", "/api/tasks?state=FAILED&limit=3", "/api/dead-letters"):
            token = (await client.get(path)).json()["next_page_token"]
            assert (await client.get(path, params={"page_token": token})).status_code == 200
        await sweep(ports)
    ports = Ports(Settings(notify_webhook=Webhook("slack", "http://127.0.0.1:1/services/x")), store, MemoryPublisher())
    vars(ports)["registry"] = REGISTRY
    await notify(ports)
    await ports.pool.close()


class TestEmbedded(LookingContract):
    long_bytes: ClassVar[int] = 20_000

    async def test_no_page_no_sweep_and_no_notice_scans_or_sorts(self, store: EmbeddedStore, database: Kept) -> None:
        await fill(store, await history(0, 210, 10))
        await look_everywhere(store)
        assert len(database.statements) >= 25
        for sql, arguments in database.statements.items():
            steps = [row[3] for row in await Database.scan(database, f"EXPLAIN QUERY PLAN {sql}", arguments)]
            [step] = [s for s in steps if "subquery" not in s]  # another one would be sorting
            found = re.fullmatch(r"(SEARCH|SCAN) docs USING INDEX (\w+)(?: \((.*)\))?", step)
            assert found, (step, sql)
            how, index, terms = found.groups()
            is_open = re.search(OPEN, sql)
            equal = len(re.findall(r"\" (?:= \?|IS NULL)|path IN", re.sub(OPEN, "", sql)))
            assert (terms or "").count("=?") == equal, (step, sql)  # nothing is left to filter
            assert not is_open or "_open_" in index, (step, sql)
            if how == "SCAN":  # from one end of an index of nothing else, as far as the page goes
                assert (
                    index in ("tasks_by_created_at", "dead_letters_by_created_at", "labels_by_at") or "_open_" in index
                ), (step, sql)
                assert "LIMIT ?" in sql, sql

    async def test_sqlite_works_no_harder_for_ten_times_the_history(self, store: EmbeddedStore, database: Kept) -> None:
        took = []
        few = 1000
        for first, number in ((0, few), (few, few * (TENFOLD - 1))):
            await fill(store, await history(first, number, 10))
            async with looking(store) as (client, _):
                found = {}
                for path in LISTS:
                    before = database.instructions
                    await client.get(path)
                    found[path] = database.instructions - before
                took.append(found)
        # Counts stop at a thousand, of which a quarter is there at first.
        ratios = {path: took[1][path] / max(1000, took[0][path]) for path in LISTS}
        assert max(ratios.values()) < 3, ratios
