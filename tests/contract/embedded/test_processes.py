"""Several processes on one file: they share what may be done at once, take turns, and tell each other what there is."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue
from infra.embedded.database import Database
from infra.embedded.peers import Line, Place
from infra.embedded.store import EmbeddedStore
from infra.embedded.turns import FileTurn
from infra.embedded.workers import Workers
from infra.resources import Function, Manifest
from shared.settings import Settings
from shared.wiring.ports import ABSENT, Write
from tests.contract.publisher_contract import subscribe, wiring

WORK = wiring(subscribe("work", ack_deadline_s=600))
DIES = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(3)"
STAYS = "import os, sys; open(sys.argv[1], 'a').write(str(os.getpid())); os.read(0, 1)"


@asynccontextmanager
async def processes(folder: Path, number: int = 2) -> AsyncIterator[list[Database]]:
    """The file as so many processes have it open."""
    databases = [await Database.open(folder, turn=FileTurn(folder)) for _ in range(number)]
    yield databases
    for database in databases:
        await database.close()


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(2000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen within 20 s")


class TestShares:
    @pytest.mark.parametrize("whole", [0, 1, 2, 7, 10, 640])
    def test_shares_are_the_whole_and_differ_by_one_at_most(self, whole: int) -> None:
        shares = [Place(number, 3).share(whole) for number in range(3)]
        assert sum(shares) == whole
        assert max(shares) - min(shares) <= 1

    def test_what_may_run_once_runs_in_the_first_process_only(self) -> None:
        once = Manifest((Function("once", "m", "once", "push", 60, 1, {}),), (), ())
        assert [Place(n, 2).manifest(once).function("once").max_concurrency for n in (0, 1)] == [1, 0]

    def test_processes_together_run_as_much_of_an_intent_as_its_own_bound_says(self) -> None:
        intent = Function("execute", "m", "execute", "push", 60, 20, {"INTENT": "a"}, max_requests=10)
        step = Function("classify", "m", "classify", "push", 60, 640, {}, max_requests=160)
        for of in (1, 2, 3):
            parts = [Place(n, of).manifest(Manifest((intent, step), (), ())) for n in range(of)]
            at_once = [min(f.max_concurrency, f.max_requests) for part in parts for f in part.functions]
            assert sum(at_once[::2]) == 20
            assert set(at_once[1::2]) == {160}

    def test_calls_of_all_processes_together_are_those_of_one(self) -> None:
        settings = Settings(max_concurrent_calls=5)
        assert [Place(n, 2).settings(settings).max_concurrent_calls for n in (0, 1)] == [3, 2]


class TestTurns:
    async def test_writes_of_two_processes_are_all_there(self, tmp_path: Path) -> None:
        async with processes(tmp_path) as databases:
            names = [(database, f"things/{n}-{k}") for k, database in enumerate(databases) for n in range(100)]
            await asyncio.gather(*(EmbeddedStore(d).commit(Write(name, {}, ABSENT)) for d, name in names))
            assert await EmbeddedStore(databases[0]).count("things", up_to=999) == len(names)

    async def test_process_waits_while_it_is_anothers_turn(self, tmp_path: Path) -> None:
        async with processes(tmp_path, 1) as [database]:
            other = FileTurn(tmp_path)
            await other.take(database._disk)
            writing = asyncio.create_task(EmbeddedStore(database).commit(Write("things/a", {}, ABSENT)))
            await asyncio.sleep(0.1)
            assert not writing.done()
            other.give()
            async with asyncio.timeout(20):
                await writing
            other.close()


class TestDeliveries:
    async def test_message_goes_to_one_process_only(self, tmp_path: Path) -> None:
        async with processes(tmp_path) as databases:
            publisher = EmbeddedPublisher(databases[0], WORK)
            queues = [EmbeddedQueue(database, WORK, number=n) for n, database in enumerate(databases)]
            sent = [b"%d" % n for n in range(60)]
            await asyncio.gather(*(publisher.publish("work", data, {}) for data in sent))
            pulls = await asyncio.gather(*(queue.pull("work", 5, 0.1) for queue in queues * 8))
            assert sorted(delivery.data for found in pulls for delivery in found) == sorted(sent)

    async def test_only_what_a_dead_process_had_is_offered_again(self, tmp_path: Path) -> None:
        async with processes(tmp_path) as databases:
            publisher = EmbeddedPublisher(databases[0], WORK)
            queues = [EmbeddedQueue(database, WORK, number=n) for n, database in enumerate(databases)]
            for queue in queues:
                await publisher.publish("work", b"x", {})
                [taken] = await queue.pull("work", 1, 20)
            await queues[1].release_leases(all_of_them=False)
            [again] = await queues[0].pull("work", 9, 20)
            assert (again.message_id, again.attempt) == (taken.message_id, 2)

    async def test_what_one_writes_wakes_who_waits_in_the_other(self, tmp_path: Path) -> None:
        async with processes(tmp_path, 1) as [here]:
            ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            heard: list[Collection[str]] = []
            lines = [Line(ends[0], here.wake), Line(ends[1], heard.append)]
            here.tell = lines[0].say
            await EmbeddedPublisher(here, WORK).publish("work", b"", {})
            await until(lambda: heard == [["work"]])
            for line in lines:
                line.close()


class TestWorkers:
    async def test_worker_that_dies_is_started_again(self, tmp_path: Path) -> None:
        async with processes(tmp_path, 1) as [database]:
            seen = tmp_path / "seen"
            async with Workers(1, database, program=["-c", DIES, str(seen)], pause_s=0).running():
                await until(lambda: seen.exists() and len(seen.read_text()) >= 2)

    async def test_workers_end_with_the_stack(self, tmp_path: Path) -> None:
        async with processes(tmp_path, 1) as [database]:
            seen = tmp_path / "seen"
            async with Workers(1, database, program=["-c", STAYS, str(seen)]).running():
                await until(lambda: seen.exists() and seen.read_text() != "")
            with pytest.raises(ProcessLookupError):
                os.kill(int(seen.read_text()), 0)
