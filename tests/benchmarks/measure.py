"""One system in, what it did with tickets of each number out: it starts, answers one, then one by one, then all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from infra.emulators.process import free_port
from infra.errors import StackError
from tests.benchmarks import usage
from tests.benchmarks.client import Door
from tests.benchmarks.programs import last_words, running
from tests.benchmarks.rows import Cold, Plan, Row
from tests.benchmarks.services import started
from tests.benchmarks.shop import Shop
from tests.benchmarks.statistics import quantile
from tests.benchmarks.systems import COUNTS, Site, System
from tests.benchmarks.tickets import numbers, order

START_TIMEOUT_S = 120.0
STALL_TIMEOUT_S = 60.0  # without any effect
WARM_UP, WARM_UP_EMULATORS = 20, 100  # a young JVM is several times slower
ALONE = 20  # tickets one by one, which is what the number 1 means
KNOCK_EVERY_S = 0.01
WEIGH_EVERY_S = 0.5
Say = Callable[[str, int, int], None]  # what is done, how many of how many


class Run:
    """A running system, its shop and its model. Numbers of tickets are never used twice."""

    def __init__(self, system: System, plan: Plan, shop: Shop, site: Site, pids: Sequence[int], say: Say) -> None:
        self._system, self._plan, self._shop, self._site = system, plan, shop, site
        self._pids = pids
        self._say = say
        self.tickets = 0
        self._door = Door(f"{shop.url}/tickets" if system.polls else f"http://127.0.0.1:{site.port}/")

    async def first(self, began: float, alive: Callable[[], None]) -> Cold:
        """Wait for the first effect. A number that a starting system refused is tried again."""
        (number,) = self._next(1)
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await self._door.knock(number):
                alive()
                await asyncio.sleep(KNOCK_EVERY_S)
            while order(number) not in self._shop.first:
                alive()
                await asyncio.sleep(KNOCK_EVERY_S)
        return Cold(self._shop.first[order(number)] - began, usage.cpu(self._pids).own_s)

    async def measured(self, size: int, cold: Cold) -> Row:
        """Send so many tickets, wait for their effects and for rest, and count."""
        batch, in_flight = self._next(ALONE if size == 1 else size), 1 if size == 1 else self._plan.in_flight
        with _weighing(self._pids) as weights:
            before, spent, here = await self._asked(), usage.cpu(self._pids), usage.cpu([os.getpid()])
            sent = await (self._one_by_one(batch) if size == 1 else self._all(batch, in_flight))
            rested = await asyncio.to_thread(usage.rested, self._pids)
        after, count, there = await self._asked(), len(batch), usage.cpu([os.getpid()])
        own_s, emulators_s = rested.own_s - spent.own_s, rested.emulators_s - spent.emulators_s
        return Row(
            system=self._system.name,
            tasks=size,
            in_flight=in_flight,
            **self._times(sent),
            cpu_ms=own_s * 1000 / count,
            emulators_ms=emulators_s * 1000 / count,
            bench_ms=(there.own_s - here.own_s - own_s) * 1000 / count,
            peak_mb=max(weights),
            processes=len(usage.family(self._pids, usage.processes())),
            **{name: (after[name] - before[name]) / count for name in ("calls", "prompt_tokens", "output_tokens")},
            repeated=sum(self._shop.calls[order(n)] - 1 for n in batch),
            cold_s=cold.seconds,
            cold_cpu_s=cold.cpu_s,
        )

    def _times(self, sent: Mapping[int, float]) -> dict[str, float]:
        heard = {number: self._shop.first[order(number)] for number in sent}
        waits = [(heard[number] - at) * 1000 for number, at in sent.items()]
        seconds = max(heard.values()) - min(sent.values())
        shares = {f"p{share}_ms": quantile(waits, share / 100) for share in (50, 95, 99)}
        return {"seconds": seconds, "per_s": len(sent) / seconds, **shares}

    def _next(self, count: int) -> Sequence[int]:
        self.tickets += count
        return numbers(self.tickets - count + 1, count)

    async def warm_up(self) -> None:
        """Let it load what it loads late, and start what it starts beside itself; nothing is counted."""
        count = WARM_UP_EMULATORS if self._system.backend == "emulators" else WARM_UP
        await self._all(self._next(count), self._plan.calls)
        await asyncio.to_thread(usage.rested, self._pids)

    async def _one_by_one(self, batch: Sequence[int]) -> dict[int, float]:
        sent: dict[int, float] = {}
        for place, number in enumerate(batch):
            sent |= await self._all([number], 1)
            self._say("one by one", place + 1, len(batch))
        return sent

    async def _all(self, numbers: Sequence[int], in_flight: int) -> dict[int, float]:
        """Send, and wait until the shop has heard of each.

        Raises:
            StackError: nothing more happens.
        """
        room = self._shop.room = asyncio.Semaphore(self._plan.window) if self._plan.window else None
        sending = asyncio.create_task(self._door.send_all(numbers, min(in_flight, len(numbers)), room))
        sending.add_done_callback(lambda _: self._shop.arrived.set())
        try:
            await self._heard({order(n) for n in numbers}, sending)
            return await sending
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            sending.cancel()

    async def _heard(self, orders: set[str], sending: asyncio.Task[dict[int, float]]) -> None:
        total = len(orders)
        while orders := orders - self._shop.first.keys():
            if sending.done():
                sending.result()  # raises what went wrong
            self._shop.arrived.clear()
            try:
                async with asyncio.timeout(STALL_TIMEOUT_S):
                    await self._shop.arrived.wait()
            except TimeoutError:
                missing = f"{len(orders)} of {total} tickets had no effect"
                raise StackError(f"{missing}, and nothing happened for {STALL_TIMEOUT_S:g} s") from None
            await asyncio.sleep(min(0.2, len(orders) / 10_000))  # to look at many at once
            if total > 1:
                self._say(f"{total:,} at once", total - len(orders), total)

    async def _asked(self) -> dict[str, int]:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            counted: dict[str, int] = (await http.get(f"{self._site.model}/_calls")).json()
            return counted


async def measure(system: System, site: Site, plan: Plan, shop: Shop, say: Say) -> list[Row]:
    """Run one system through the plan, from nothing running to nothing running.

    Raises:
        StackError: it does not start, or stops working; the message quotes its log.
    """
    log = site.folder / "log.txt"
    try:
        async with _system(system, site, log) as (found, pids, alive, began):
            run = Run(system, plan, shop, found, pids, say)
            cold = await run.first(began, alive)
            await run.warm_up()
            rows = [await run.measured(size, cold) for size in plan.sizes]
        return _with_counts(rows, site.folder / COUNTS, run.tickets)
    except TimeoutError:
        raise StackError(f"no effect after {START_TIMEOUT_S:g} s\n{last_words(log)}") from None
    except StackError as error:
        raise StackError(f"{error}\n{last_words(log)}") from None


def _with_counts(rows: Sequence[Row], path: Path, tickets: int) -> list[Row]:
    """Add what a system counted by itself until its end, over all tickets that it got."""
    counts = json.loads(path.read_text()) if path.exists() else {}
    return [replace(row, **{name: count / tickets for name, count in counts.items()}) for row in rows]


@contextlib.asynccontextmanager
async def _system(system: System, site: Site, log: Path) -> AsyncIterator[Any]:
    """Start the services that it needs, which are not part of a cold start, and then the system."""
    with started(system.needs, site.folder) as (services, roots):
        found = replace(site, services=services, port=free_port())
        began = time.monotonic()
        with running(system.programs(found), log) as processes:

            def alive() -> None:
                if any(p.poll() is not None for p in processes):
                    raise StackError(f"{system.name} ended while starting")

            yield found, [*(p.pid for p in processes), *roots], alive, began


@contextlib.contextmanager
def _weighing(pids: Sequence[int]) -> Iterator[list[float]]:
    """Look at the memory now and then, from a thread."""
    weights = [usage.memory_mb(pids)]

    async def weigh() -> None:
        while True:
            await asyncio.sleep(WEIGH_EVERY_S)
            weights.append(await asyncio.to_thread(usage.memory_mb, pids))

    weighing = asyncio.create_task(weigh())
    try:
        yield weights
    finally:
        weighing.cancel()
