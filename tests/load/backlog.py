"""A backlog in, on Google's emulators; every task's record and the stack's memory, once all is at rest, out."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from infra.emulators.stack import Stack, environment
from infra.processes import Child, url_in
from shared.records.documents import task_path
from shared.settings import load
from shared.task.schemas import TERMINAL, TaskRecord
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.ports import Store
from tests.chaos import ground

TEXTS = {
    "refund_request": "I want a refund of $19.00 for order #{n}, it arrived broken.",
    "password_reset": "I forgot my password, please send me a reset link.",
    "order_status": "Where is my order #{n}?",
    "cancel_order": "Please cancel order #{n}, I ordered by mistake.",
    "change_address": "Please ship order #{n} to 12 Baker Street, London NW1 6XE instead.",
    "ticket_summary": "Summarize ticket {n} for the team channel please, the export fails since Tuesday.",
}
BROKEN = '''"""A handler that always raises."""


async def handle(params: object, ctx: object) -> str:
    raise RuntimeError("on purpose")
'''
SENDERS = 32
PAGE = 100
LOOK_EVERY_S = 0.5
WEIGH_EVERY_S = 5.0
AT_REST = TERMINAL | {"UNKNOWN", "AWAITING_APPROVAL"}
Say = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Load:
    """What to do: so many tasks, an equal share of each intent. `broken` is the intent whose handler raises, or ""."""

    tasks: int
    broken: str
    latency_ms: float
    quota_share: float  # of the model's calls that are answered 429
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Records by the intent that was asked for, when the backlog began, and MB of each function process over time."""

    began_at: datetime
    records: dict[str, list[TaskRecord]]
    weights_mb: list[dict[str, float]]

    def seconds(self, intents: Sequence[str]) -> list[float]:
        """Return how long after the beginning each task of these intents came to rest, sorted."""
        rested = (r.history[-1].at for intent in intents for r in self.records[intent])
        return sorted((at - self.began_at).total_seconds() for at in rested)


async def drain(load_: Load, folder: Path, say: Say) -> Outcome:
    """Send all at once and wait until everything is at rest; `say` is told how many tasks are.

    Raises:
        TimeoutError: the queue does not drain.
    """
    root = _tree(folder / "tree", load_.broken)
    with ground.vendors(folder, 0, rare=False) as vendors, _model(load_, folder) as model:
        # No breaker: the intent that always fails goes on failing.
        env = ground.environment(vendors, model, folder) | {"MODEL_BUDGET_S": "3600", "ERROR_BUDGET": "0"}
        with environment(env):
            settings = replace(load(), backend="emulators", intake_port=0, console_port=0)
            async with Stack(settings, root=root, logs=folder / "logs") as stack:
                store = FirestoreStore(settings.project)
                try:
                    return await _run(load_, stack, store, say, root)
                finally:
                    await store.close()


async def _run(load_: Load, stack: Stack, store: Store, say: Say, root: Path) -> Outcome:
    wanted = {f"load-{n}": intent for n, intent in zip(range(load_.tasks), mix(load_.tasks), strict=True)}
    weights: list[dict[str, float]] = []
    weighing = asyncio.create_task(_weigh(weights, str(root).encode()))
    try:
        async with asyncio.timeout(load_.timeout_s):
            began_at = datetime.now(UTC)
            sending = asyncio.create_task(send(stack.intake_url, wanted))
            records = await at_rest(store, list(wanted), say)
            await sending
    finally:
        weighing.cancel()
    by_intent = {intent: [records[t] for t, i in wanted.items() if i == intent] for intent in TEXTS}
    return Outcome(began_at, by_intent, weights)


def mix(count: int) -> list[str]:
    """Return the intents of so many tasks, an equal share of each, in an order that is always the same."""
    intents = [list(TEXTS)[n % len(TEXTS)] for n in range(count)]
    random.Random(1).shuffle(intents)
    return intents


async def send(intake: str, wanted: dict[str, str]) -> None:
    """Post a ticket for each task, some of them at a time."""
    slots = asyncio.Semaphore(SENDERS)

    async def one(number: int, task_id: str, intent: str) -> None:
        order = str(50_000 + number)
        if order.endswith("9"):  # shipped already, which no handler would change
            order = f"{order[:-1]}0"
        payload = {"text": TEXTS[intent].format(n=order), "requester": {"email": f"customer-{order}@example.com"}}
        task = {"task_id": task_id, "source": "helpdesk", "raw_payload": payload}
        async with slots:
            (await http.post(intake, json=task)).raise_for_status()

    limits = httpx.Limits(max_connections=SENDERS)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as http:
        await asyncio.gather(*(one(n, t, i) for n, (t, i) in enumerate(wanted.items())))


async def at_rest(store: Store, waiting: list[str], say: Say) -> dict[str, TaskRecord]:
    """Look at the oldest tasks that are not at rest, a page at a time, so that watching costs little."""
    rested: dict[str, TaskRecord] = {}
    while waiting:
        page = await store.read(*map(task_path, waiting[:PAGE]))
        found = [TaskRecord.model_validate(s.data) for s in page if s.data is not None]
        done = {r.task_id: r for r in found if r.state in AT_REST and r.outbox is None}
        rested |= done
        waiting = [t for t in waiting if t not in done]
        say(len(rested))
        if len(done) < len(page):
            await asyncio.sleep(LOOK_EVERY_S)
    return rested


async def _weigh(weights: list[dict[str, float]], root: bytes) -> None:
    """Note the resident memory of every process that runs the code under `root` now and then."""
    while True:
        weights.append(dict(_resident(root)))
        await asyncio.sleep(WEIGH_EVERY_S)


def _resident(root: bytes) -> Iterator[tuple[str, float]]:
    page_mb = os.sysconf("SC_PAGE_SIZE") / 1e6
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if b"--target" in command and any(word.startswith(root) for word in command):
                pages = int((folder / "statm").read_text().split()[1])
                yield f"{command[command.index(b'--target') + 1].decode()} {folder.name}", pages * page_mb
        except (OSError, ValueError):
            continue


def _tree(root: Path, broken: str) -> Path:
    """Copy what is deployed, one handler broken."""
    for part in ("functions", "shared"):
        shutil.copytree(ground.ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    if broken:
        (root / "functions/execute" / broken / "main.py").write_text(BROKEN)
    return root


@contextmanager
def _model(load_: Load, folder: Path) -> Iterator[ground.Model]:
    arguments = ("--latency-ms", str(load_.latency_ms), "--fault-rate", f"429={load_.quota_share}")
    child = Child("infra.gemini_server", "--port", "0", *arguments, log=folder / "model.log")
    try:
        url = url_in(child.wait_for("http://", ground.START_TIMEOUT_S))
        yield ground.Model({"CLASSIFIER": "genai", "GEMINI_API_ENDPOINT": url, "GEMINI_API_KEY": "load"}, url)
    finally:
        child.stop()
