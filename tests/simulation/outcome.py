"""One seed in, what became of it out: the same seed on the same code gives the same trace, byte for byte."""

from __future__ import annotations

import contextlib
import gc
import io
from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulation.sources import CANARY
from tests.simulation.witness import Violation
from tests.simulation.world import Run

SHOWN_STEPS = 60


@dataclass(frozen=True)
class Outcome:
    """`violation` is empty if all invariants held; `trace` has a line for every step that can be seen from outside."""

    seed: int
    tasks: int
    violation: str
    trace: tuple[str, ...]

    def report(self) -> str:
        """Return the last steps, the violation and how to see it again."""
        last = "\n".join(self.trace[-SHOWN_STEPS:])
        return f"{last}\n\nseed {self.seed}: {self.violation}\nsee it again: make simulate SEED={self.seed}"


class _Log(io.StringIO):
    """Standard output: every line of the log is looked at, and none is kept."""

    leaked = ""

    def write(self, text: str) -> int:
        if CANARY in text:
            self.leaked = text
        return len(text)


def simulate(seed: int, *, traced: bool = False) -> Outcome:
    """Run one seed. Where an invariant does not hold it is run once more for its trace, which is costly to write."""
    with _one_collection():
        outcome = _simulate(seed, traced)
        return _simulate(seed, traced=True) if outcome.violation and not traced else outcome


def _simulate(seed: int, traced: bool) -> Outcome:
    run, log, violation = Run(seed, traced=traced), _Log(), ""
    with contextlib.redirect_stdout(log):
        try:
            run.execute()
            if log.leaked:
                raise Violation("I9", f"a log line holds payload: {log.leaked}")
        except Violation as error:
            violation = f"{error} ({_where(error)})" if error.__cause__ else str(error)
    lines = (f"{at:11.3f}  {who:36} {what}".rstrip() for at, who, what in run.trace)
    return Outcome(seed, run.weather.tasks, violation, tuple(lines))


@contextlib.contextmanager
def _one_collection() -> Iterator[None]:
    """Collect a run's garbage once, when it is over: during it nearly all is in use, and what was before it stays."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        gc.enable()
        gc.unfreeze()


def _where(error: Violation) -> str:
    trace = error.__cause__.__traceback__ if error.__cause__ else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
