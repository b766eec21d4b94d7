"""One SQLite file: operations from asyncio come in, one fsync commits everything that came in meanwhile.

Statements run on the event loop, where they cost microseconds; only what waits for the disk or for another process
runs in a thread. (A thread that runs the statements as well fights the loop for the interpreter at every one.)
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from infra.embedded.clock import Clock
from infra.embedded.connections import Row, fetch, open_file
from infra.embedded.turns import NoTurn, Turn
from shared.errors import CommitUnknown, StoreUnavailable

T = TypeVar("T")
FILE = "switchyard.db"  # in the data directory
MAX_BATCH = 256
FOREIGN_POLL_S = 0.1
BUSY_POLL_S = 0.005


class Transaction:
    """What an operation works with: SQL, the time, a counter that orders, and whom to wake after the commit."""

    def __init__(self, connection: sqlite3.Connection, now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.woken: set[str] = set()
        self._saved_us: int = connection.execute("SELECT last_us FROM clock").fetchone()[0]
        self._last_us: int = self._saved_us

    def tick(self) -> int:
        """Return the next number in the order of this file: microseconds since 1970, or more where the clock was ahead.

        It orders and is unique; it says nothing about when something is due.
        """
        self._last_us = max(self.now_us(), self._last_us + 1)
        return self._last_us

    def wake(self, channel: str) -> None:
        """Set `Database.channel(channel)` once this is committed."""
        self.woken.add(channel)

    def save_clock(self) -> None:
        """Write the last tick down; the database calls this before it commits."""
        if self._last_us != self._saved_us:
            self.execute("UPDATE clock SET last_us = ?", (self._last_us,))


@dataclass(slots=True, eq=False)
class _Operation:
    run: Callable[[Transaction], Any]
    durable: bool
    done: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None

    def resolve(self, failure: Exception | None = None) -> None:
        if self.done.done():  # its caller was cancelled
            return
        if error := failure or self.error:
            self.done.set_exception(error)
        else:
            self.done.set_result(self.value)


class Database:
    """The file, for one event loop. Other processes may open it too; what they write wakes those who wait here."""

    def __init__(
        self, path: Path, *, busy_timeout_s: float = 5.0, clock: Clock | None = None, turn: Turn | None = None
    ) -> None:
        """Open or create the file; `turn` where several processes write to it all the time.

        Raises:
            StackError: see `open_file`.
        """
        self.path = path
        self.clock = clock or Clock()
        self._busy_timeout_s = busy_timeout_s
        # The writer never waits inside SQLite, where it would hold up the event loop: see _begin_patiently.
        self._writer, self._reader, self._scanner = self._open(0, busy_timeout_s, busy_timeout_s)
        # What a statement with triggers would take back if it failed is kept in memory, not in a file of its own.
        self._writer.execute("PRAGMA temp_store = MEMORY")
        self._durable = True
        self._look_next_s = 0.0
        self._data_version = self._writer.execute("PRAGMA data_version").fetchone()
        self._pending: deque[_Operation] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._channels: dict[str, asyncio.Event] = {}
        self._turn = turn or NoTurn()
        self.tell: Callable[[Collection[str]], None] = lambda _: None  # whom else a commit wakes, elsewhere
        self._disk = ThreadPoolExecutor(1, "switchyard-disk")
        self._scans = ThreadPoolExecutor(1, "switchyard-scan")
        self._closed = False

    @classmethod
    async def open(cls, data_dir: Path, clock: Clock | None = None, turn: Turn | None = None) -> Database:
        """Open or create the file of a data directory without holding up the event loop.

        Raises:
            StackError: see the constructor.
        """
        return await asyncio.to_thread(cls, data_dir / FILE, clock=clock, turn=turn)

    async def write(self, operation: Callable[[Transaction], T], *, durable: bool = True) -> T:
        """Run `operation`, perhaps more than once, and return its value once it is committed.

        Without `durable` the commit survives the death of the process but perhaps not a power cut, and costs less.

        Raises:
            StoreUnavailable: nothing was written.
            CommitUnknown: the commit failed; it may have been written.
            Exception: whatever `operation` raised; nothing of it was written.
        """
        self._refuse_if_closed()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append(_Operation(operation, durable, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await done

    def read(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """Return the rows of one cheap, indexed statement, as of one moment, without yielding to the event loop.

        Raises:
            StoreUnavailable: nothing was read.
        """
        self._refuse_if_closed()
        return fetch(self._reader, sql, arguments)

    async def scan(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """Return the rows of one statement that may take long; only other scans wait for it.

        Raises:
            StoreUnavailable: nothing was read.
        """
        self._refuse_if_closed()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._scans, fetch, self._scanner, sql, arguments)

    def channel(self, name: str) -> asyncio.Event:
        """Return the event that is set when an operation wakes `name`, or when another process wrote anything."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch_for_foreign_writes())
        return self._channels.setdefault(name, asyncio.Event())

    def wake(self, channels: Collection[str]) -> None:
        """Set the events of these channels, as far as somebody here waits for them."""
        for name in channels:
            if event := self._channels.get(name):
                event.set()

    async def close(self) -> None:
        """Commit what was submitted, then close the file."""
        if self._closed:
            return
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        self._disk.shutdown()
        self._scans.shutdown()
        for resource in (self._scanner, self._reader, self._writer, self._turn):
            resource.close()

    def _open(self, *timeouts_s: float) -> list[sqlite3.Connection]:
        return open_file(self.path, self._busy_timeout_s, *timeouts_s)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreUnavailable("the database is closed")

    async def _flush(self) -> None:
        while self._pending:
            await self._turn.yielded()
            try:
                await self._turn.take()
            except StoreUnavailable as error:
                while self._pending:
                    self._pending.popleft().resolve(error)
                return
            batch = [self._pending.popleft() for _ in range(min(MAX_BATCH, len(self._pending)))]
            failure: Exception | None = None
            try:
                woken = await self._commit([operation for operation in batch if not operation.done.done()])
            except CommitUnknown as error:
                failure, woken = error, set()
            except sqlite3.Error as error:
                failure, woken = StoreUnavailable(f"nothing was written: {error}"), set()
            for operation in batch:
                operation.resolve(failure)
            if woken:
                self.tell(woken)
                self.wake(woken)

    async def _commit(self, batch: list[_Operation]) -> set[str]:
        """Run the operations and commit them together; one that fails leaves its error and nothing else."""
        try:
            self._notice_foreign_writes()
            self._set_durable(any(operation.durable for operation in batch))
            while (transaction := await self._prepared(batch)) is None:
                pass
        except BaseException:
            self._turn.give()
            raise
        try:
            await asyncio.get_running_loop().run_in_executor(self._disk, self._end)
        except sqlite3.Error as error:
            self._writer.rollback()
            raise CommitUnknown(f"the commit failed: {error}") from error
        return transaction.woken

    async def _prepared(self, batch: list[_Operation]) -> Transaction | None:
        """Begin, and run the operations; None: one failed half-way, is taken out, and nothing has happened.

        Savepoints would spare the others a second run, and cost each more than it writes: SQLite copies every page
        that was written before and is written again.
        """
        await self._begin()
        try:
            transaction = Transaction(self._writer, self.clock.now_us)
            for operation in batch:
                if not self._run(operation, transaction):
                    batch.remove(operation)
                    self._writer.rollback()
                    return None
            transaction.save_clock()
        except BaseException:
            self._writer.rollback()
            raise
        return transaction

    async def _begin(self) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            await asyncio.get_running_loop().run_in_executor(self._disk, self._begin_patiently)

    def _end(self) -> None:
        """Commit in a thread; others may write before the event loop has time to hear of it."""
        try:
            self._writer.execute("COMMIT")
        finally:
            self._turn.give()

    def _set_durable(self, durable: bool) -> None:
        if durable != self._durable:
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _begin_patiently(self) -> None:
        """Wait for another process to finish its transaction."""
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(BUSY_POLL_S)

    def _run(self, operation: _Operation, transaction: Transaction) -> bool:
        """Return whether the transaction holds all of the operation, or nothing."""
        changes = self._writer.total_changes
        operation.error = None
        try:
            operation.value = operation.run(transaction)
        except Exception as error:
            if not self._writer.in_transaction:  # a full disk, for one, takes the whole transaction back
                raise
            operation.error = StoreUnavailable(str(error)) if isinstance(error, sqlite3.Error) else error
            return self._writer.total_changes == changes
        return True

    async def _watch_for_foreign_writes(self) -> None:
        while True:
            await asyncio.sleep(FOREIGN_POLL_S)
            # While a commit is under way, asking would wait for its fsync; the next commit asks by itself.
            if self._flushing is None or self._flushing.done():
                with contextlib.suppress(sqlite3.Error):  # whoever reads or writes next is told
                    self._notice_foreign_writes()

    def _notice_foreign_writes(self) -> None:
        if time.monotonic() < self._look_next_s:
            return
        self._look_next_s = time.monotonic() + FOREIGN_POLL_S
        version = self._writer.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._data_version = version
            self.wake(set(self._channels))
