"""One chaos run: options in; break, heal, wait until nothing moves, compare; the outcome out."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from infra.emulators.stack import environment as variables
from infra.sandbox.ledger import Entry
from shared.errors import Retry
from shared.intent.registry import discover, load_handler
from shared.task.schemas import TERMINAL, TaskRecord
from shared.wiring.ports import Document, Snapshot, Store
from tests.chaos.blows import Blows
from tests.chaos.events import MARKER, Event, events
from tests.chaos.ground import RUN, Ground, Model, Vendors, environment, model, survivors, vendors
from tests.chaos.people import People
from tests.chaos.sources import Sources
from tests.chaos.verdict import DECIDED, Evidence, Verdict, judge

LOOK_EVERY_S = 1.0
PAGE = 200
READ_TRIES = 60
# A payload's words; a traceback may hold anything.
LEAK = re.compile(rf"{MARKER}|@example\.com|Traceback \(most recent call last\)")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What to do. `brisk` gives up faults and deadlines that take minutes, for a run within a test suite."""

    tasks: int
    seconds: float
    seed: int
    backend: Literal["emulators", "embedded"]
    folder: Path
    classifier: Literal["local", "genai"] = "local"
    brisk: bool = False
    heal_s: float = 600.0

    @property
    def blow_every_s(self) -> float:
        """The average pause between two blows: one process takes longer to come back than one of thirty."""
        return 2.5 if self.backend == "embedded" else 0.7


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to the stack. `sendings` counts requests and publishes of sources, `dealt` blows by kind."""

    accepted: int
    sendings: int
    dealt: Counter[tuple[str, str]]
    chaos_s: float
    heal_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and what became of it."""

    done: Done
    verdict: Verdict
    effects: int


async def chaos(options: Options, say: Say) -> Outcome:
    """Run it; `say` takes a line of progress.

    Raises:
        StackError: the stack does not start at all.
    """
    token = uuid.uuid4().hex
    with variables({RUN: token}):
        done, evidence = await _run(options, say)
        running = [f"still running: {process}" for process in survivors(token)]
    evidence = replace(evidence, besides=(*evidence.besides, *running, *leaks(options.folder)))
    return Outcome(done, judge(evidence, discover()), len(evidence.ledger))


async def _run(options: Options, say: Say) -> tuple[Done, Evidence]:
    planned = events(options.tasks, options.seed, options.seconds * 0.7)
    say("starting")
    with _outside(options) as (sandbox, asked):
        env = environment(sandbox, asked, options.folder / "data")
        async with _ground(options, env) as ground:
            sources, people = Sources(ground, random.Random(options.seed)), People(ground, options.seed)
            blows = Blows(ground.targets, random.Random(options.seed), options.blow_every_s)
            sending = asyncio.create_task(sources.send_all(planned))
            working = [asyncio.create_task(people.work()), asyncio.create_task(_tell(say, sources, blows))]
            began = time.monotonic()
            sandbox.misbehave()
            await blows.deal(options.seconds)
            healing = time.monotonic()
            blows.mend()
            sandbox.behave()
            asked.behave()
            await _stop(*working)
            restless = await _settled(ground, sources, people, sending, options.heal_s, say)
            await _stop(sending)
            still = time.monotonic()
            await ground.hush()
            evidence = await _evidence(ground, sources, people, planned, sandbox.ledger(), restless)
    return Done(len(sources.accepted), sources.sendings, blows.dealt, healing - began, still - healing), evidence


@contextmanager
def _outside(options: Options) -> Iterator[tuple[Vendors, Model]]:
    """Run what the stack depends on and what is never hit: the providers and the model."""
    with (
        vendors(options.folder, options.seed, rare=not options.brisk) as sandbox,
        model(options.folder, options.seed, options.classifier) as asked,
    ):
        yield sandbox, asked


@asynccontextmanager
async def _ground(options: Options, env: Mapping[str, str]) -> AsyncIterator[Ground]:
    logs = options.folder / "logs"
    if options.backend == "embedded":
        from tests.chaos.embedded import Embedded

        processes = str(1 + options.seed % 2)  # with a worker beside it as often as not
        async with Embedded({**env, "PROCESSES": processes}, logs) as embedded:
            yield embedded
        return
    from tests.chaos.emulated import Emulated

    deadline_s, twice = (15, False) if options.brisk else (None, True)
    async with Emulated(
        env, logs, seed=options.seed, sweep_every_s=5.0, ack_deadline_s=deadline_s, twice=twice
    ) as emulated:
        yield emulated


async def _tell(say: Say, sources: Sources, blows: Blows) -> None:
    while True:
        say(f"{len(sources.accepted)} events accepted, {blows.dealt.total()} blows")
        await asyncio.sleep(LOOK_EVERY_S)


async def _stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _settled(
    ground: Ground, sources: Sources, people: People, sending: asyncio.Task[None], within_s: float, say: Say
) -> list[str]:
    """Return when everything was sent and decided and nothing moves; what still moves after `within_s` seconds."""
    began = moved = time.monotonic()
    while True:
        waiting = await people.look()
        records, approvals = await _documents(ground.store)
        ids = set().union(*sources.accepted.values()) if sources.accepted else set()
        moving = [r.task_id for r in records.values() if moves(r)]
        missing, unheard = ids - records.keys(), open_edits(approvals)
        now = time.monotonic()
        is_still = sending.done() and not (waiting or moving or missing or unheard)
        moved = moved if is_still else now
        healed_s = now - began
        under_way = ground.under_way(healed_s, now - moved)
        counts = f"{len(moving)} moving, {len(missing)} without a record, {waiting + len(unheard)} to decide"
        say(f"healing for {healed_s:.0f} s: {'; '.join([counts, *under_way])}")
        if is_still and not under_way:
            sending.result()
            return []
        if healed_s > within_s:
            return [f"not at rest after {within_s:g} s: {counts}"]
        await asyncio.sleep(LOOK_EVERY_S)


def moves(record: TaskRecord) -> bool:
    """Whether something is still to be done for a task without a person."""
    if record.state == "UNKNOWN":  # asked again only where the handler can ask
        return record.next_check_at is not None and hasattr(load_handler(record.intent), "reconcile")
    return record.state in ("READY", "EXECUTING") or (record.state in TERMINAL and record.outbox is not None)


def open_edits(approvals: dict[str, Document]) -> list[str]:
    """Return the tasks whose approval holds a decision that nobody has taken."""
    return [task_id for task_id, a in approvals.items() if a["outcome"] is None and a["status"] in DECIDED]


async def _evidence(
    ground: Ground,
    sources: Sources,
    people: People,
    planned: Sequence[Event],
    ledger: Sequence[Entry],
    restless: Sequence[str],
) -> Evidence:
    records, approvals = await _documents(ground.store)
    return Evidence(
        events={event.number: event.intent for event in planned},
        accepted=sources.accepted,
        records=records,
        ledger=ledger,
        results=await ground.results(),
        told=people.told,
        open_edits=open_edits(approvals),
        besides=[*restless, *sources.refused, *await ground.left_over()],
    )


async def _documents(store: Store) -> tuple[dict[str, TaskRecord], dict[str, Document]]:
    tasks, approvals = await _collection(store, "tasks"), await _collection(store, "approvals")
    return {task_id: TaskRecord.model_validate(data) for task_id, data in tasks.items()}, approvals


async def _collection(store: Store, name: str) -> dict[str, Document]:
    """Return every document of a collection."""
    found: dict[str, Document] = {}
    after = None
    while True:
        page = await _page(store, name, after)
        found |= {snapshot.id: snapshot.data or {} for snapshot in page}
        if len(page) < PAGE:
            return found
        after = page[-1]


async def _page(store: Store, name: str, after: Snapshot | None) -> list[Snapshot]:
    """Read again over broken connections, a minute long."""
    for _ in range(READ_TRIES):
        try:
            return await store.query(name, limit=PAGE, after=after)
        except Retry:
            await asyncio.sleep(LOOK_EVERY_S)
    return await store.query(name, limit=PAGE, after=after)


def leaks(folder: Path) -> Iterator[str]:
    """Yield a line for every log of ours that holds a traceback or something of a payload."""
    for log in sorted((folder / "logs").rglob("*.log")):
        if log.is_relative_to(folder / "logs" / "emulators"):  # Google's
            continue
        found = Counter(LEAK.findall(log.read_text(errors="replace")))
        if found:
            yield f"{log.relative_to(folder)} holds {dict(found)}"


def new_seed() -> int:
    """Return a seed that a person can type."""
    return int.from_bytes(os.urandom(2), "big")
