"""The embedded backend keeps the ports' promises, and those of one file: nothing acknowledged is ever lost."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from google.events.cloud.firestore_v1 import DocumentEventData

from infra.embedded.bus import (
    DOCUMENT_EVENTS,
    KEPT_MESSAGES,
    EmbeddedPublisher,
    EmbeddedQueue,
    backoff_s,
    with_document_events,
)
from infra.embedded.database import Database, Transaction
from infra.embedded.store import EmbeddedStore
from infra.errors import StackError
from infra.manifest import Function, Manifest
from infra.queue import Queue
from shared.errors import CommitUnknown, Conflict, PublishFailed, StoreUnavailable
from shared.wiring.ports import ABSENT, Filter, Publisher, Row, Write
from tests.contract.deadline_contract import DeadlineContract
from tests.contract.publisher_contract import (
    ATTEMPTS,
    OpenBus,
    PublisherContract,
    QueueContract,
    subscribe,
    take,
    wiring,
)
from tests.contract.query_contract import NOON
from tests.contract.shared_store_contract import SharedStoreContract, StoreClockContract
from tests.contract.store_contract import StoreContract
from tests.contract.unsure_contract import (
    Fate,
    LoseAnswer,
    UnsurePublisherContract,
    UnsureRaceContract,
    UnsureStoreContract,
)

ROOT = Path(__file__).resolve().parents[2]
RESUME = Function("resume", "functions.resume.main", "resume", "document", 60, 80, {})
FAR_FUTURE_US = 5_000_000_000_000_000  # the year 2128


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "switchyard.db")
    yield database
    await database.close()


class UnsureDatabase(Database):
    """A database whose disk, once, fails the commit under way: `kept` after it was written, `lost` before."""

    fate: Fate | None = None

    def lose_answer(self, fate: Fate) -> None:
        """Let the next commit fail."""
        self.fate = fate

    def _open(self, *timeouts_s: float) -> list[Any]:
        writer, *others = super()._open(*timeouts_s)
        return [FailingWriter(writer, self), *others]


class FailingWriter:
    """The connection that writes, as far as its commits do not fail."""

    def __init__(self, connection: sqlite3.Connection, database: UnsureDatabase) -> None:
        self._connection, self._database = connection, database

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        fate = self._database.fate
        if sql != "COMMIT" or fate is None:
            return self._connection.execute(sql, *arguments)
        self._database.fate = None
        if fate == "kept":
            self._connection.execute(sql)
        raise sqlite3.OperationalError("disk I/O error")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
async def unsure(tmp_path: Path) -> AsyncIterator[UnsureDatabase]:
    database = UnsureDatabase(tmp_path / "switchyard.db")
    yield database
    await database.close()


@pytest.fixture
def lose_answer(unsure: UnsureDatabase) -> LoseAnswer:
    return unsure.lose_answer


class TestEmbeddedStore(StoreContract, SharedStoreContract, StoreClockContract):
    @pytest.fixture
    async def store(self, database: Database) -> EmbeddedStore:
        return EmbeddedStore(database)

    @pytest.fixture
    async def other(self, database: Database) -> AsyncIterator[EmbeddedStore]:
        """As another process has it: with the file opened by itself."""
        other = Database(database.path)
        yield EmbeddedStore(other)
        await other.close()


class TestUnsureStore(UnsureStoreContract, UnsureRaceContract):
    @pytest.fixture
    async def store(self, unsure: UnsureDatabase) -> EmbeddedStore:
        return EmbeddedStore(unsure)

    async def test_full_disk_leaves_the_commit_unknown_and_the_store_works_once_there_is_room(
        self, store: EmbeddedStore
    ) -> None:
        await store.commit(Write("things/a", {"n": 1}, ABSENT))
        with no_room():
            with pytest.raises(CommitUnknown):
                await store.commit(Write("things/a", {"n": 2}, None))
            assert (await store.read("things/a"))[0].data == {"n": 1}
        await store.commit(Write("things/a", {"n": 3}, None))
        assert (await store.read("things/a"))[0].data == {"n": 3}


class TestUnsurePublisher(UnsurePublisherContract):
    @pytest.fixture
    def open_bus(self, unsure: UnsureDatabase) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            return EmbeddedPublisher(unsure, manifest), EmbeddedQueue(unsure, manifest)

        return open_bus


class TestEmbeddedBus(PublisherContract, QueueContract, DeadlineContract):
    deadline_s: ClassVar[int] = 1

    @pytest.fixture
    def open_bus(self, database: Database) -> OpenBus:
        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            return EmbeddedPublisher(database, manifest), EmbeddedQueue(database, manifest)

        return open_bus


class TestGroupCommit:
    async def test_concurrent_writes_share_a_commit(self, database: Database) -> None:
        transactions: list[Transaction] = []
        await asyncio.gather(*(database.write(transactions.append) for _ in range(200)))
        assert len(transactions) == 200
        assert len(set(map(id, transactions))) <= 2

    async def test_failed_operation_leaves_its_neighbours_alone(self, database: Database) -> None:
        store = EmbeddedStore(database)
        await store.commit(Write("things/taken", {}, ABSENT))

        def half_done(transaction: Transaction) -> None:
            transaction.execute("INSERT INTO docs VALUES ('things/half', 'things', '', '{}', '{}')")
            raise RuntimeError("on purpose")

        outcomes = await asyncio.gather(
            store.commit(Write("things/a", {}, ABSENT)),
            store.commit(Write("things/taken", {}, ABSENT)),
            database.write(half_done),
            database.write(lambda t: t.execute("SELECT nonsense")),
            store.commit(Write("things/b", {}, ABSENT)),
            return_exceptions=True,
        )
        assert [type(o) for o in outcomes] == [list, Conflict, RuntimeError, StoreUnavailable, list]
        assert [s.id for s in await store.query("things")] == ["a", "b", "taken"]

    async def test_cancelled_write_does_not_disturb_others(self, database: Database) -> None:
        store = EmbeddedStore(database)
        writes = [asyncio.create_task(store.commit(Write(f"things/{n}", {}, ABSENT))) for n in range(50)]
        await asyncio.sleep(0)
        writes[7].cancel()
        await asyncio.wait(writes)
        others = {str(n) for n in range(50)} - {"7"}
        assert others <= {s.id for s in await store.query("things")}

    async def test_close_commits_what_was_submitted(self, tmp_path: Path) -> None:
        database = Database(tmp_path / "switchyard.db")
        writing = asyncio.create_task(EmbeddedStore(database).commit(Write("things/a", {}, ABSENT)))
        await asyncio.sleep(0)
        await database.close()
        await writing
        with pytest.raises(StoreUnavailable):
            await EmbeddedStore(database).commit(Write("things/b", {}, ABSENT))


class TestDurability:
    async def test_sigkill_loses_nothing_acknowledged(self, tmp_path: Path) -> None:
        acknowledged: set[str] = set()
        for pause_s in (0.05, 0.2, 0.4):
            acknowledged |= await write_until_killed(tmp_path, pause_s)
        assert acknowledged
        database = await Database.open(tmp_path)
        documents = {row[0] for row in database.read("SELECT path FROM docs")}
        messages = {row[0] for row in database.read("SELECT data FROM queue")}
        await database.close()
        assert acknowledged <= documents
        assert acknowledged <= {data.decode() for data in messages}

    async def test_what_was_out_when_the_process_ended_comes_again(self, database: Database) -> None:
        manifest = wiring(subscribe("work", ack_deadline_s=600))
        await EmbeddedPublisher(database, manifest).publish("work", b"x", {})
        [first] = await take(EmbeddedQueue(database, manifest), "work")
        restarted = EmbeddedQueue(database, manifest)
        await restarted.release_leases()
        [again] = await take(restarted, "work", wait_s=2)
        assert (again.message_id, again.attempt) == (first.message_id, 2)

    async def test_message_that_kills_its_process_ends_in_the_dead_letters(self, database: Database) -> None:
        manifest = wiring(subscribe("work", ack_deadline_s=600, dead_letter_topic="dead"), subscribe("dead"))
        await EmbeddedPublisher(database, manifest).publish("work", b"x", {})
        for _ in range(ATTEMPTS):
            queue = EmbeddedQueue(database, manifest)
            await queue.release_leases()
            assert await take(queue, "work", wait_s=2)
        await queue.release_leases()
        assert await queue.pull("work", 1, 0.2) == []
        [letter] = await take(queue, "dead", wait_s=2)
        assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == str(ATTEMPTS)


class TestOtherProcess:
    async def test_its_publish_wakes_a_waiting_pull(self, database: Database) -> None:
        manifest = wiring(subscribe("work"))
        pulling = asyncio.create_task(EmbeddedQueue(database, manifest).pull("work", 1, 20))
        await asyncio.sleep(0.05)
        other = Database(database.path)
        await EmbeddedPublisher(other, manifest).publish("work", b"from outside", {})
        async with asyncio.timeout(2):
            [found] = await pulling
        await other.close()
        assert found.data == b"from outside"

    async def test_its_approval_reaches_the_document_events_with_version_and_author(self, database: Database) -> None:
        queue = EmbeddedQueue(database, with_document_events(Manifest((RESUME,), (), ())))
        other = Database(database.path)
        store = EmbeddedStore(other, authid="ops@example.com")
        [version] = await store.commit(Write("approvals/t1", {"status": "approved"}, ABSENT))
        await store.commit(Write("tasks/t1", {}, ABSENT))
        await other.close()
        [event] = await take(queue, DOCUMENT_EVENTS, wait_s=2)
        document = DocumentEventData.deserialize(event.data)
        assert event.attributes["ce-document"] == "approvals/t1"
        assert event.attributes["ce-authid"] == "ops@example.com"
        assert (
            document.value.update_time.rfc3339()
            == version
            == (await EmbeddedStore(database).read("approvals/t1"))[0].version
        )
        await queue.ack(event)
        assert await queue.pull(DOCUMENT_EVENTS, 1, 0.2) == []

    async def test_writer_waits_for_its_transaction(self, database: Database) -> None:
        with contextlib.closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(EmbeddedStore(database).commit(Write("things/a", {}, ABSENT)))
            await asyncio.sleep(0.1)
            assert not writing.done()
            other.execute("ROLLBACK")
            async with asyncio.timeout(2):
                await writing

    async def test_writer_gives_up_when_it_never_ends_and_nothing_is_written(self, tmp_path: Path) -> None:
        database = Database(tmp_path / "switchyard.db", busy_timeout_s=0.1)
        store = EmbeddedStore(database)
        with contextlib.closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                await store.commit(Write("things/a", {}, ABSENT))
            with pytest.raises(PublishFailed, match="locked"):
                await EmbeddedPublisher(database, wiring(subscribe("work"))).publish("work", b"", {})
        assert (await store.read("things/a"))[0].data is None
        await store.commit(Write("things/a", {}, ABSENT))
        await database.close()


class TestUnusableFile:
    def test_damaged_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "switchyard.db"
        path.write_bytes(b"this is no database" * 500)
        with pytest.raises(StackError, match=r"switchyard\.db is damaged"):
            Database(path)

    def test_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StackError, match="cannot be written"):
            Database(tmp_path / "file" / "switchyard.db")

    def test_locked_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "switchyard.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StackError, match="locked by another program"):
                Database(path, busy_timeout_s=0.1)

    def test_file_of_another_version_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "switchyard.db"
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA user_version = 99")
        with pytest.raises(StackError, match="another version"):
            Database(path)

    async def test_file_of_the_format_before_is_brought_up_with_all_it_holds(self, tmp_path: Path) -> None:
        path = tmp_path / "switchyard.db"
        documents = {
            "tasks/a": {"state": "READY", "payload": '{"text": "hello"}', "created_at": NOON, "n": None},
            "dead_letters/b": {"data": "e30=", "redriven_at": None, "odd": ["[", {"$time": "tea"}]},
        }
        old = {
            "tasks/a": '{"state":"READY","payload":"{\\"text\\": \\"hello\\"}",'
            '"created_at":{"$time":"2026-03-01T12:00:00.123456Z"},"n":null}',
            "dead_letters/b": '{"data":"e30=","redriven_at":null,"odd":["[",{"$$time":"tea"}]}',
        }
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.executescript(FORMAT_1)
            other.executemany(
                "INSERT INTO docs VALUES (?, ?, ?, 'v1')", [(p, p.partition("/")[0], text) for p, text in old.items()]
            )
            other.execute("PRAGMA user_version = 1")
            other.commit()
        for _ in range(2):  # the second time it is of this format
            database = await Database.open(tmp_path)
            store = EmbeddedStore(database)
            found = await store.read(*documents)
            assert {s.path: s.data for s in found} == documents
            assert {s.version for s in found} == {"v1"}
            assert await store.count("tasks", where=[Filter("state", "==", "READY")], up_to=9) == 1
            indexes = {name for (name,) in database.read("SELECT name FROM sqlite_schema WHERE type = 'index'")}
            await database.close()
        assert indexes >= {"tasks_by_state_created_at", "dead_letters_open_by_created_at"}


# The table of documents as files of format 1 have it, with an index by a name that is taken today.
FORMAT_1 = """
CREATE TABLE docs (path TEXT PRIMARY KEY, collection TEXT NOT NULL, data TEXT NOT NULL, version TEXT NOT NULL);
CREATE INDEX docs_to_expire ON docs (json_extract(data, '$.expire_at'))
    WHERE json_extract(data, '$.expire_at') IS NOT NULL;
"""


class TestStoreDetails:
    async def test_versions_grow_though_the_clock_goes_back(self, database: Database) -> None:
        store = EmbeddedStore(database)
        await database.write(lambda t: t.execute("UPDATE clock SET last_us = ?", (FAR_FUTURE_US,)))
        versions = [(await store.commit(Write("things/a", {"n": n}, None)))[0] for n in range(3)]
        assert versions[0] > "2100"
        assert versions == sorted(set(versions))

    async def test_key_that_looks_like_a_time_stays_a_key(self, database: Database) -> None:
        store = EmbeddedStore(database)
        data = {"parameters": {"$time": "tea", "$$": 1, "$": {"$time": 2}}}
        await store.commit(Write("things/a", data, ABSENT))
        assert (await store.read("things/a"))[0].data == data

    @pytest.mark.parametrize(
        ("op", "value", "found"),
        [
            ("==", 1, ["float", "int"]),
            ("==", True, ["bool"]),
            ("<=", 5, ["float", "int"]),
            ("<=", NOON, ["time"]),
            ("<=", "zzz", ["text"]),
            ("==", '{"$time":"2026-03-01T12:00:00.123456Z"}', []),
        ],
    )
    async def test_query_compares_within_a_type(
        self, database: Database, op: Any, value: Any, found: list[str]
    ) -> None:
        store = EmbeddedStore(database)
        values = {"int": 1, "float": 1.0, "bool": True, "time": NOON, "text": "A", "null": None}
        await store.commit(*(Write(f"things/{name}", {"x": v}, ABSENT) for name, v in values.items()))
        assert [s.id for s in await store.query("things", where=[Filter("x", op, value)])] == found

    @pytest.mark.parametrize("descending", [False, True])
    async def test_pages_go_through_nulls(self, database: Database, descending: bool) -> None:
        store = EmbeddedStore(database)
        values = {"a": None, "b": None, "c": 1, "d": 1, "e": 2}
        await store.commit(*(Write(f"things/{name}", {"x": v}, ABSENT) for name, v in values.items()))
        found, last = "", None
        while page := await store.query("things", order_by="x", descending=descending, limit=1, after=last):
            found, last = found + page[0].id, page[0]
        assert found == ("edcba" if descending else "abcde")

    @pytest.mark.parametrize("name", ["x') OR 1=1 --", "", "a..b", "a b"])
    async def test_odd_name_is_refused_and_never_becomes_sql(self, database: Database, name: str) -> None:
        store = EmbeddedStore(database)
        with pytest.raises(ValueError, match="no name"):
            await store.query("things", where=[Filter(name, "==", 1)])
        with pytest.raises(ValueError, match="no name"):
            await store.query(name)

    async def test_list_of_tasks_reads_no_payload_and_a_list_of_letters_no_bytes(self, database: Database) -> None:
        store = EmbeddedStore(database)
        task = {"state": "READY", "created_at": NOON, "payload": '{"long":1}', "followups": [{"text": "long"}]}
        letter = {"reason": "junk", "created_at": NOON, "data": "e30="}
        await store.commit(Write("tasks/a", task, ABSENT), Write("dead_letters/b", letter, ABSENT))
        assert [s.data for s in await store.read("tasks/a", "dead_letters/b")] == [task, letter]
        await database.write(lambda t: t.execute("UPDATE docs SET bulk = 'whoever reads this fails'"))
        [row] = await store.query_rows("tasks", ("state",), order_by="created_at")
        assert row.data == {"state": "READY"}
        [row] = await store.read_rows(("reason",), "dead_letters/b")
        assert row.data == {"reason": "junk"}
        with pytest.raises(ValueError, match="Expecting value"):
            await store.query_rows("tasks", ("state", "payload"))

    async def test_long_member_is_no_way_to_search(self, database: Database) -> None:
        store = EmbeddedStore(database)
        with pytest.raises(ValueError, match="long"):
            await store.query("tasks", where=[Filter("payload", "==", "{}")])
        with pytest.raises(ValueError, match="long"):
            await store.query_rows("dead_letters", ("reason",), order_by="data")

    async def test_text_that_looks_like_json_is_found_as_a_text_only(self, database: Database) -> None:
        store = EmbeddedStore(database)
        time = '{"$time":"2026-03-01T12:00:00.123456Z"}'
        values: dict[str, Any] = {"map": {"a": 1}, "text": '{"a":1}', "list": [1], "row": "[1]", "at": NOON, "t": time}
        await store.commit(*(Write(f"things/{name}", {"x": v}, ABSENT) for name, v in values.items()))
        assert {s.id: (s.data or {})["x"] for s in await store.query("things")} == values
        for name in ("text", "row", "t", "at"):
            assert [s.id for s in await store.query("things", where=[Filter("x", "==", values[name])])] == [name]
        for op in ("<=", ">="):
            where = [Filter("x", op, NOON)]
            assert [s.id for s in await store.query("things", where=where)] == ["at"]
            assert await store.count("things", where=where, up_to=9) == 1

    async def test_page_after_a_place_is_read_from_there_on(self, database: Database) -> None:
        explaining = Explaining(database)
        after = Row("tasks/a", {"created_at": NOON}, "", NOON)
        for where in ([], [Filter("state", "==", "READY")]):
            for descending in (False, True):
                await EmbeddedStore(explaining).query_rows(
                    "tasks", (), where=where, order_by="created_at", descending=descending, after=after
                )
        assert len(explaining.plan) == 2 * (1 + 2)  # descending, the documents whose time is null come last
        for step in explaining.plan:
            assert re.fullmatch(r"SEARCH docs USING INDEX tasks_by_\w*created_at \(.*<expr>[<>=]\?\)", step), step

    async def test_tasks_of_a_person_are_found_through_an_index(self, database: Database) -> None:
        explaining = Explaining(database)
        store = EmbeddedStore(explaining)
        key = [Filter("requester.key", "==", "1a.x")]
        await store.query("tasks", where=key, order_by="created_at", descending=True)
        assert explaining.plan
        assert all("USING INDEX tasks_by_requester_key" in step for step in explaining.plan if "docs" in step)

    async def test_expired_documents_are_deleted_and_others_stay(self, database: Database) -> None:
        store = EmbeddedStore(database)
        now = datetime.now(UTC)
        times = {"past": now - timedelta(days=1), "future": now + timedelta(days=1), "never": None}
        await store.commit(*(Write(f"things/{name}", {"expire_at": at}, ABSENT) for name, at in times.items()))
        assert await store.delete_expired() == 1
        assert [s.id for s in await store.query("things")] == ["future", "never"]


class TestBusDetails:
    async def test_topic_without_subscription_keeps_the_latest_messages(self, database: Database) -> None:
        publisher = EmbeddedPublisher(database, wiring(topics=["results"]))
        extra = 5
        await asyncio.gather(*(publisher.publish("results", b"%d" % n, {}) for n in range(KEPT_MESSAGES + extra)))
        rows = database.read("SELECT data FROM unsubscribed WHERE topic = 'results' ORDER BY seq")
        assert [int(row[0]) for row in rows] == list(range(extra, KEPT_MESSAGES + extra))

    async def test_publish_wakes_a_waiting_pull_at_once(self, database: Database) -> None:
        manifest = wiring(subscribe("work"))
        pulling = asyncio.create_task(EmbeddedQueue(database, manifest).pull("work", 1, 20))
        await asyncio.sleep(0.05)
        await EmbeddedPublisher(database, manifest).publish("work", b"", {})
        async with asyncio.timeout(2):  # nothing else would end the pull sooner than its 20 s
            assert await pulling

    def test_backoff_doubles_within_its_bounds(self) -> None:
        policy = subscribe("work", min_backoff_s=2, max_backoff_s=600)
        assert [backoff_s(policy, n) for n in (1, 2, 3, 9, 10, 5000)] == [2, 4, 8, 512, 600, 600]


class Explaining(Database):
    """A database that explains scans instead of doing them, all in `plan`."""

    def __init__(self, database: Database) -> None:
        self.plan: list[str] = []
        self._real, self.clock = database, database.clock

    async def scan(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.plan += [row[3] for row in await self._real.scan(f"EXPLAIN QUERY PLAN {sql}", arguments)]
        return []


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow, or be written at all: to a program, that is a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def write_until_killed(data_dir: Path, pause_s: float) -> set[str]:
    """Run a child that commits and publishes and prints what was acknowledged; kill it; return what it printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITE_FOR_EVER, str(data_dir), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    first = await asyncio.wait_for(child.stdout.readline(), 20)
    await asyncio.sleep(pause_s)
    child.send_signal(signal.SIGKILL)
    rest = await asyncio.wait_for(child.stdout.read(), 20)
    await child.wait()
    return {line for line in (first + rest).decode().split("\n")[:-1] if line}


WRITE_FOR_EVER = """
import asyncio, os, sys
from pathlib import Path
from infra.embedded.bus import EmbeddedPublisher
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.wiring.ports import ABSENT, Write
from tests.contract.publisher_contract import subscribe, wiring

async def main():
    database = await Database.open(Path(sys.argv[1]))
    store, publisher = EmbeddedStore(database), EmbeddedPublisher(database, wiring(subscribe("work")))

    async def work(worker):
        for n in range(1_000_000):
            name = f"things/{os.getpid()}-{worker}-{n}"
            await store.commit(Write(name, {}, ABSENT))
            await publisher.publish("work", name.encode(), {})
            os.write(1, f"{name}\\n".encode())

    await asyncio.gather(*map(work, range(20)))

asyncio.run(main())
"""
