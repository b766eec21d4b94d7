"""What stands before others in the sweep's lines: tasks that a later version wrote, approvals that belong to no task.

They are many where they are at all, more than a sweep takes, so that it must get them out of its way.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from functions.sweep import step as sweeping
from tests.simulation.faults import HOUR_S
from tests.store import BEGINNING, MemoryStore

if TYPE_CHECKING:
    from tests.simulation.world import Run

LATERS, STRAYS = "tasks/-later-", "approvals/-stray-"  # sorted before every id of a task
PAGE, MAX_PAGES = 10, 2
MANY = PAGE * MAX_PAGES + 5
LATER: dict[str, Any] = {
    "schema_version": 2,
    "state": "PONDERING",
    "updated_at": BEGINNING,
    "next_check_at": BEGINNING,
    "thoughts": [{"of": "a later version"}],
}
UNANSWERED = {"outcome": None}
STRAY = {"status": "approved", "note": "made by hand", **UNANSWERED}


CHANCE = 0.15  # of each kind, in a run


@contextmanager
def short_pages() -> Iterator[None]:
    """Let the sweep take as few at once as are soon too many; other tests of this process have theirs."""
    usual = sweeping.PAGE, sweeping.MAX_PAGES
    sweeping.PAGE, sweeping.MAX_PAGES = PAGE, MAX_PAGES
    try:
        yield
    finally:
        sweeping.PAGE, sweeping.MAX_PAGES = usual


def begin(run: Run) -> None:
    """Let a release have been rolled back, or somebody have made approvals by hand, in some runs."""
    rng = random.Random(f"noise {run.seed}")  # what else happens in a run is as it would be without
    if rng.random() < CHANCE:
        run.note("a later version has written {} tasks", MANY)
        for n in range(MANY):
            run.store.write(f"{LATERS}{n}", LATER)
        run.later(run.ends_at_s + 24 * HOUR_S, _taken_on, run)
    if rng.random() < CHANCE:
        run.note("somebody makes {} approvals by hand", MANY)
        for n in range(MANY):
            run.store.write(f"{STRAYS}{n}", STRAY)


def _taken_on(run: Run) -> None:
    """Let the later version be back, which ends what it had begun: what is seen in a day of sweeps is all there is."""
    for path, data in list(run.store.items("tasks")):
        if path.startswith(LATERS):
            run.store.write(path, data | {"next_check_at": None})


def is_noise(path: str) -> bool:
    """Whether a document is none of the run's own."""
    return path.startswith((LATERS, STRAYS))


def count(store: MemoryStore) -> int:
    """Return how many tasks there are that nobody can read."""
    return sum(is_noise(path) for path, _ in store.items("tasks"))


def written(run: Run, document: dict[str, Any]) -> None:
    """Have the sweep look at what was written when it is due; the events of strays are all lost."""
    run.scheduler.look_at(document.get("next_check_at") or run.store.now + timedelta(minutes=2))


def faults(store: MemoryStore) -> Iterator[tuple[str, str]]:
    """Yield each invariant that does not hold of the noise itself, and what is wrong."""
    for path, data in store.items("tasks"):
        if path.startswith(LATERS) and data | {"next_check_at": BEGINNING} != LATER:
            yield "I6", f"{path}, which nobody can read, was changed"
    for path, data in store.items("approvals"):
        if path.startswith(STRAYS) and (data["outcome"] is None or not STRAY.items() <= (data | UNANSWERED).items()):
            yield "I8", f"{path} belongs to no task, and is not answered"
