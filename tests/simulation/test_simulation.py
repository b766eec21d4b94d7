"""The protocol holds under every fault of its matrix, for a fixed budget of seeds and for all that ever broke it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.outcome import simulate

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(__file__).with_name("seeds.txt")
BUDGET = 2000  # seeds; the mutations must be noticed within them
CHUNK = 250


@pytest.mark.parametrize("first", range(0, BUDGET, CHUNK))
def test_invariants_hold(first: int) -> None:
    for seed in range(first, first + CHUNK):
        outcome = simulate(seed)
        assert not outcome.violation, outcome.report()


@pytest.mark.parametrize(
    "seed", [int(line.split()[0]) for line in SEEDS.read_text().splitlines() if not line.startswith("#")]
)
def test_seed_that_once_failed_holds(seed: int) -> None:
    outcome = simulate(seed)
    assert not outcome.violation, outcome.report()


def test_same_seed_gives_the_same_trace_byte_for_byte() -> None:
    """Whatever order another process's hashes, addresses and clock have."""
    traces = {_replay(["--seed", "13"], str(hash_seed)) for hash_seed in (0, 1, 4711)}
    assert len(traces) == 1
    assert len(next(iter(traces)).splitlines()) > 100


def test_seeds_differ() -> None:
    assert simulate(1, traced=True).trace != simulate(2, traced=True).trace


def test_every_kind_of_fault_strikes() -> None:
    """A fault that never happens proves nothing."""
    lines = "\n".join(line for seed in range(600) for line in simulate(seed, traced=True).trace)
    for sign in (
        "crash of execute-",
        "crash of classify",
        "crash of console",
        "crash of sweep",
        "crash of resume",
        "crash of intake",
        "sigterm of",
        "stop of execute-",
        "goes on",
        "becomes dead letter",
        "retry: store_unavailable",
        "retry: model_unavailable",
        "retry: lease_held_by_this_message",
        "answers 504",
        "stale",
        "revised",
        "effect_proven",
        ": timeout_after",
        ": timeout_later",
        ": reset_later",
        ": reset_before",
        ": 500_after",
        ": stored_500",
        ": 409_in_use",
        "is refused: params_changed",
        "is refused: expired",
        "is refused: not_waiting",
        "edit_refused",
        "deployed",
        "-> UNKNOWN",
        "UNKNOWN -> SUCCEEDED",
        "-> EXPIRED",
        "-> CANCELLED",
        "-> REJECTED",
        "parked",
        "lease_held",
        "lease_lost",
        "too_early",
        "edited_after_decision",
        "stale_event",
        "previewed",
        "is told: sent",
        "is told: closed",
        "is refused: already_redriven",
        "is a tombstone now",
        "the clock steps: this machine's clock stepped 8640000 s ahead",
        "the clock steps: this machine's clock stepped 3600 s back",
        "the time is 2026-04-15",  # a clock that was wrong for long was followed, and then put right
        "everything is said once more",
        "already_done",
        "task_removed",
        "is refused: not_ended",
        "is refused: task_removed",
    ):
        assert sign in lines, sign


def _replay(arguments: list[str], hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
