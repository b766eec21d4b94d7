"""`python -m infra.bench`: tasks per second and end-to-end latency of the local stack, with a model of known latency.

Two runs: one task at a time (what one ticket waits), then all at once (what a backlog takes). End to end is from
sending the request to SUCCEEDED in the task's document. Timings are for comparing, not for tests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress

from infra import running
from infra.commands import in_one_line
from infra.errors import StackError
from infra.processes import Child, url_in
from shared.intent.named import load_for
from shared.intent.registry import check_handlers, discover
from shared.settings import load

START_TIMEOUT_S = 120.0
TASK_TIMEOUT_S = 600.0
SHOW_FROM = 200


@in_one_line
def main() -> int:
    """Measure and print one line per run."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench", description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000, help="tasks at once (default: 1000)")
    parser.add_argument("--single", type=int, default=50, help="tasks one at a time (default: 50)")
    parser.add_argument("--senders", type=int, default=32, help="requests to intake in flight (default: 32)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of the model (default: 0)")
    parser.add_argument("--classifier", choices=("local", "genai"), default="local")
    options = parser.parse_args()
    load_for(check_handlers(discover()))
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as folder, _model(options):
        os.environ |= {
            "DATA_DIR": folder,
            "INTAKE_URL_PORT": "0",
            "CONSOLE_PORT": "0",
            "CLASSIFIER": options.classifier,
        }
        log = Path(folder) / "stack.log"
        stack = Child("infra.run", log=log)
        try:
            stack.wait_for("ready", START_TIMEOUT_S)
            asyncio.run(_measure(running.read(Path(folder)), options))
        except (StackError, TimeoutError) as error:
            print(f"{error}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:]), file=sys.stderr)
            return 1
        finally:
            stack.stop()
    return 0


@contextlib.contextmanager
def _model(options: argparse.Namespace) -> Iterator[None]:
    """Serve the Gemini API locally where an SDK is to be measured."""
    if options.classifier == "local":
        yield
        return
    child = Child("infra.gemini_server", "--port", "0", "--latency-ms", str(options.latency_ms))
    try:
        url = url_in(child.wait_for("http://", START_TIMEOUT_S))
        os.environ |= {"GEMINI_API_ENDPOINT": url, "GEMINI_API_KEY": "bench"}
        yield
    finally:
        child.stop()


async def _measure(stack: running.Running, options: argparse.Namespace) -> None:
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=options.senders)) as http:
        await _run(http, stack, ["warm-up"], 1)
        for name, count, senders in (
            ("one at a time", options.single, 1),
            ("all at once", options.tasks, options.senders),
        ):
            ids = [f"bench-{senders}-{i}" for i in range(count)]
            began = time.monotonic()
            waits = await _run(http, stack, ids, senders)
            seconds = time.monotonic() - began
            cuts = statistics.quantiles(waits, n=20)
            print(
                f"{load().backend} {options.classifier} {name}: {count} tasks in {seconds:.1f} s, "
                f"{count / seconds:.0f} tasks/s, end to end p50 {statistics.median(waits) * 1000:.0f} ms, "
                f"p95 {cuts[18] * 1000 if len(cuts) > 18 else waits[-1] * 1000:.0f} ms",
                flush=True,
            )


async def _run(http: httpx.AsyncClient, stack: running.Running, ids: Sequence[str], senders: int) -> list[float]:
    """Send one task per id, wait for all, and return each one's seconds from sending to SUCCEEDED."""
    sent: dict[str, datetime] = {}
    slots = asyncio.Semaphore(senders)

    async def one(task_id: str) -> None:
        async with slots:
            sent[task_id] = datetime.now(UTC)
            (await http.post(stack.intake, json=_task(task_id))).raise_for_status()
            if senders == 1:
                await _ended(http, stack, task_id, 0.005)

    await asyncio.gather(*(one(i) for i in ids))
    ended = await _all_ended(http, stack, ids)
    return sorted((ended[i] - sent[i]).total_seconds() for i in ids)


def _task(task_id: str) -> dict[str, Any]:
    number = 20000 + int(task_id.rpartition("-")[2]) if task_id[-1].isdigit() else 20000
    payload = {"text": f"Where is my order #{number}?", "requester": {"email": f"customer-{number}@example.com"}}
    return {"task_id": task_id, "source": "bench", "raw_payload": payload}


async def _ended(http: httpx.AsyncClient, stack: running.Running, task_id: str, pause_s: float) -> dict[str, Any]:
    async with asyncio.timeout(TASK_TIMEOUT_S):
        while True:
            answer = await http.get(f"{stack.console}/api/tasks/{task_id}")
            record: dict[str, Any] = answer.json()
            if answer.status_code == 200 and record["state"] == "SUCCEEDED":
                return record
            await asyncio.sleep(pause_s)


async def _all_ended(http: httpx.AsyncClient, stack: running.Running, ids: Sequence[str]) -> dict[str, datetime]:
    """Look at one task after the other, so that watching costs one small read per task."""
    ended: dict[str, datetime] = {}
    with Progress(disable=len(ids) < SHOW_FROM, transient=True) as progress:
        bar = progress.add_task("tasks", total=len(ids))
        for task_id in ids:
            record = await _ended(http, stack, task_id, 0.25)
            ended[task_id] = datetime.fromisoformat(record["history"][-1]["at"])
            progress.advance(bar)
    return ended


if __name__ == "__main__":
    sys.exit(main())
