"""Every fault of the matrix happens in the first runs, and these hold."""

from __future__ import annotations

from tests.simulation.outcome import simulate
from tests.simulation.test_simulation import TRACED


def test_every_kind_of_fault_strikes() -> None:
    """A fault that never happens proves nothing."""
    traces: list[str] = []
    for seed in range(TRACED):
        outcome = simulate(seed, traced=True)
        assert not outcome.violation, outcome.report()
        traces += outcome.trace
    lines = "\n".join(traces)
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
