"""The one file of the embedded backend: shared with another process, unusable, or of an older format."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from google.events.cloud.firestore_v1 import DocumentEventData

from infra.embedded.bus import DOCUMENT_EVENTS, EmbeddedPublisher, EmbeddedQueue, with_document_events
from infra.embedded.database import Database
from infra.embedded.indexes import CREATED
from infra.embedded.store import EmbeddedStore
from infra.errors import StackError
from infra.resources import Function, Manifest
from shared.errors import PublishFailed, StoreUnavailable
from shared.wiring.ports import ABSENT, Filter, Write
from tests.contract.publisher_contract import subscribe, take, wiring
from tests.contract.query_contract import NOON

RESUME = Function("resume", "functions.resume.main", "resume", "document", 60, 80, {})


class TestOtherProcess:
    async def test_its_publish_wakes_a_waiting_pull(self, database: Database) -> None:
        manifest = wiring(subscribe("work"))
        pulling = asyncio.create_task(EmbeddedQueue(database, manifest).pull("work", 1, 20))
        await asyncio.sleep(0.05)
        other = Database(database.path)
        await EmbeddedPublisher(other, manifest).publish("work", b"from outside", {})
        async with asyncio.timeout(15):
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
        [event] = await take(queue, DOCUMENT_EVENTS)
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
            async with asyncio.timeout(20):
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

    @pytest.mark.parametrize("layout", ["format 1", "format 2", "format 3, with other members to search by"])
    async def test_file_of_a_format_before_is_brought_up_with_all_it_holds(self, tmp_path: Path, layout: str) -> None:
        documents = {
            "tasks/a": {"state": "READY", "payload": '{"text": "hello"}', "created_at": NOON, "n": None},
            "dead_letters/b": {"data": "e30=", "redriven_at": None, "odd": ["[", {"$time": "tea"}]},
        }
        with contextlib.closing(sqlite3.connect(tmp_path / "switchyard.db")) as other:
            other.executescript(LAYOUTS[layout])
            other.commit()
        for _ in range(2):  # the second time it is of this format
            database = await Database.open(tmp_path)
            store = EmbeddedStore(database)
            found = await store.read(*documents)
            assert {s.path: s.data for s in found} == documents
            assert {s.version for s in found} == {"v1"}
            assert await store.count("tasks", where=[Filter("state", "==", "READY")], up_to=9) == 1
            [task] = await store.query("tasks", where=[Filter("created_at", "<=", NOON)], order_by="created_at")
            assert task.data == documents["tasks/a"]
            assert await store.count("dead_letters", where=[Filter("redriven_at", "==", None)], up_to=9) == 1
            made = database.read("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'docs'")
            assert {name: sql for name, sql in made if sql} == CREATED
            await database.close()


# The table of documents as it was, with indexes by names that are taken today.
LAYOUTS = {
    "format 1": """
        CREATE TABLE docs (path TEXT PRIMARY KEY, collection TEXT NOT NULL, data TEXT NOT NULL, version TEXT NOT NULL);
        CREATE INDEX docs_to_expire ON docs (json_extract(data, '$.expire_at'))
            WHERE json_extract(data, '$.expire_at') IS NOT NULL;
        INSERT INTO docs (path, collection, version, data) VALUES
            ('tasks/a', 'tasks', 'v1', '{"state":"READY","payload":"{\\"text\\": \\"hello\\"}",
                "created_at":{"$time":"2026-03-01T12:00:00.123456Z"},"n":null}'),
            ('dead_letters/b', 'dead_letters', 'v1', '{"data":"e30=","redriven_at":null,"odd":["[",{"$$time":"tea"}]}');
        PRAGMA user_version = 1;
    """,
    "format 2": """
        CREATE TABLE docs (
            path TEXT PRIMARY KEY, collection TEXT NOT NULL, version TEXT NOT NULL,
            data TEXT NOT NULL, bulk TEXT NOT NULL
        );
        CREATE INDEX tasks_by_created_at ON docs (json_extract(data, '$.created_at'), path) WHERE collection = 'tasks';
        INSERT INTO docs VALUES
            ('tasks/a', 'tasks', 'v1', '{"created_at":{"$time":"2026-03-01T12:00:00.123456Z"},"n":null,
                "state":"READY"}',
                '{"payload":{"$text":"{\\"text\\": \\"hello\\"}"}}'),
            ('dead_letters/b', 'dead_letters', 'v1', '{"redriven_at":null,"odd":[{"$text":"["},{"$$time":"tea"}]}',
                '{"data":"e30="}');
        PRAGMA user_version = 2;
    """,
}
LAYOUTS["format 3, with other members to search by"] = (
    LAYOUTS["format 2"].replace("user_version = 2", "user_version = 3").replace("data TEXT", '"colour", data TEXT')
).replace("'v1', '", "'v1', NULL, '")
