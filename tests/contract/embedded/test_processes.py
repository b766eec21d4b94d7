"""Several processes on one file: they share what may be done at once, take turns, and tell each other what there is."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue
from infra.embedded.database import FILE as DATABASE
from infra.embedded.database import Database
from infra.embedded.peers import Line, Place
from infra.embedded.store import EmbeddedStore
from infra.embedded.turns import FILE, FileTurn, is_free
from infra.embedded.workers import PROGRAM, Workers
from infra.resources import Function, Manifest
from shared.errors import StoreUnavailable
from shared.limits import Limits
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


async def until_written(store: EmbeddedStore, path: str) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(StoreUnavailable):
                await store.commit(Write(path, {}, ABSENT))
                return
            await asyncio.sleep(0.01)


def blocked_until(is_so: Callable[[], bool]) -> bool:
    """Block the event loop until something is so, or for 20 s."""
    for _ in range(2000):
        if is_so():
            return True
        time.sleep(0.01)
    return False


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

    def test_budgets_of_a_minute_are_those_of_all_processes_together(self) -> None:
        settings = Settings(limits=Limits(requests_a_minute=61, tokens_a_minute=1000, tokens_a_day=7))
        parts = [Place(n, 2).settings(settings).limits for n in (0, 1)]
        assert [(p.requests_a_minute, p.tokens_a_minute, p.tokens_a_day) for p in parts] == [(31, 500, 7), (30, 500, 7)]
        assert Place(1, 2).settings(Settings()).limits == Limits()  # none stays none


class TestTurns:
    async def test_writes_of_two_processes_are_all_there(self, tmp_path: Path) -> None:
        async with processes(tmp_path) as databases:
            names = [(database, f"things/{n}-{k}") for k, database in enumerate(databases) for n in range(100)]
            await asyncio.gather(*(EmbeddedStore(d).commit(Write(name, {}, ABSENT)) for d, name in names))
            assert await EmbeddedStore(databases[0]).count("things", up_to=999) == len(names)

    async def test_process_waits_while_it_is_anothers_turn(self, tmp_path: Path) -> None:
        async with processes(tmp_path, 1) as [database]:
            other = FileTurn(tmp_path)
            await other.take()
            writing = asyncio.create_task(EmbeddedStore(database).commit(Write("things/a", {}, ABSENT)))
            await asyncio.sleep(0.1)
            assert not writing.done()
            other.give()
            async with asyncio.timeout(20):
                await writing
            other.close()

    async def test_process_that_does_not_let_go_is_not_waited_for_for_ever(self, tmp_path: Path) -> None:
        other = FileTurn(tmp_path)
        await other.take()
        database = await Database.open(tmp_path, turn=FileTurn(tmp_path, patience_s=0))
        store = EmbeddedStore(database)
        for _ in range(2):  # the second waits for what the first one began to wait for
            async with asyncio.timeout(20):
                with pytest.raises(StoreUnavailable, match="is one of the stack stopped"):
                    await store.commit(Write("things/a", {}, ABSENT))
        other.give()
        await until_written(store, "things/a")
        async with asyncio.timeout(20):
            await database.close()
        await other.take()
        other.close()

    async def test_process_whose_loop_is_blocked_lets_the_next_one_write(self, tmp_path: Path) -> None:
        first, blocked, third = FileTurn(tmp_path), FileTurn(tmp_path, accept_s=0), (tmp_path / FILE).open("a")
        await first.take()
        taking = asyncio.create_task(blocked.take())
        await asyncio.sleep(0)
        offer = blocked._offer
        assert offer
        first.give()
        assert blocked_until(offer.fate.cancelled)  # no other task of this loop runs meanwhile
        assert blocked_until(lambda: is_free(third))
        third.close()
        async with asyncio.timeout(20):
            await taking
        blocked.give()
        for turn in (first, blocked):
            turn.close()


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

    @pytest.mark.parametrize("trouble", ["is damaged", "is one of the stack stopped"])
    def test_worker_that_cannot_start_says_why_in_one_line(self, tmp_path: Path, trouble: str) -> None:
        if trouble == "is damaged":
            (tmp_path / DATABASE).write_bytes(b"this is none" * 1000)
        env = os.environ | {"DATA_DIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, theirs, (tmp_path / FILE).open("a") as other:
            assert is_free(other)
            ended = subprocess.run(
                [sys.executable, *PROGRAM, "1/2", str(theirs.fileno())],
                env=env,
                stdin=ours.fileno(),  # never ends: the first process is there
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
        assert trouble in ended.stderr
