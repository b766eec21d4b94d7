"""Many inputs, shared among the processors; each worker's sum out."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import queue
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.fuzz.case import Case
from tests.fuzz.engine import Fuzzer
from tests.fuzz.scenery import stage
from tests.fuzz.targets.every import targets

SLICE = 250
SILENCE_S = 120  # a worker that says nothing for so long is stuck where no signal reaches it


@dataclass
class Report:
    """What a worker has done; the last one of a worker is its sum."""

    worker: int
    tried: int = 0
    is_last: bool = False
    behaviours: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    lines: set[tuple[str, int]] = field(default_factory=set)
    found: list[tuple[Case, str]] = field(default_factory=list)
    growth_mb: float = 0.0


async def work(worker: int, inputs: int, seed: str, only: str, say: Any) -> Report:
    """Try this worker's inputs, and `say` a report after each slice of them."""
    report = Report(worker, is_last=True)
    with stage() as wire:
        every = await targets()
        chosen = [t for t in every.values() if only in ("", t.name)]
        fuzzers = [Fuzzer(t, f"{seed}.{worker}", wire) for t in chosen]
        shares = sum(t.share for t in chosen)
        started_mb = 0.0
        while sum(f.inputs for f in fuzzers) < inputs:
            for fuzzer in fuzzers:
                began = time.process_time()
                tried = max(1, SLICE * fuzzer.target.share // shares)
                await fuzzer.run(tried)
                name = fuzzer.target.name
                report.seconds[name] = report.seconds.get(name, 0.0) + time.process_time() - began
                say(Report(worker, tried))
            if not started_mb and sum(f.inputs for f in fuzzers) > inputs / 4:
                started_mb = _resident_mb()
        report.growth_mb = _resident_mb() - started_mb
    for f in fuzzers:
        report.inputs[f.target.name], report.behaviours[f.target.name] = f.inputs, len(f.behaviours)
        report.lines |= f.lines.seen
        report.found += [(case, str(broken)) for case, broken in f.found.values()]
    return report


def _worker(worker: int, inputs: int, seed: str, only: str, said: Any) -> None:
    said.put(asyncio.run(work(worker, inputs, seed, only, said.put)))


def fuzz(inputs: int, seed: str, only: str) -> list[Report]:
    """Share the inputs among the processors and return the workers' sums.

    Raises:
        SystemExit: a worker died or is stuck.
    """
    count = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    said = context.Queue()
    share = (inputs // count, seed, only, said)
    workers = [context.Process(target=_worker, args=(n, *share), daemon=True) for n in range(count)]
    for worker in workers:
        worker.start()
    done: list[Report] = []
    columns = (TextColumn("fuzz"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("fuzz", total=inputs)
        while len(done) < count:
            if any(worker.exitcode for worker in workers):
                raise SystemExit(f"a worker died; again with SEED={seed}")
            try:
                report = said.get(timeout=SILENCE_S)
            except queue.Empty:
                raise SystemExit(f"no worker said anything for {SILENCE_S} s; again with SEED={seed}") from None
            progress.advance(bar, report.tried)
            done += [report] if report.is_last else []
    return done


def _resident_mb() -> float:
    """Return this process's memory, or 0 on systems that do not tell it as Linux does."""
    gc.collect()
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[1]) if statm.exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
