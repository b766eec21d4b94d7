"""Mutates what reached new behaviour before, runs it, keeps what reaches more, and collects what breaks a promise.

Feedback is cheap: the answer's status and code and the words of its log lines for every input; executed lines of
`shared` and `functions` for a sample, since tracing takes longer than running.
"""

from __future__ import annotations

import hashlib
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.case import Broken, Case
from tests.fuzz.promises import check
from tests.fuzz.targets import Target
from tests.fuzz.wire import Wire

ROOT = Path(__file__).parents[2]
CPU_LIMIT_S = 2.0
CPU_LIMIT_PER_MB_S = 3.0
TRACED_SHARE = 0.05
MAX_KEPT = 400
MAX_KEPT_BYTES = 20_000


class Hang(BaseException):
    """Raised into an input that takes too much time; no `except Exception` may swallow it."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise Hang inside after this much time of the processor, so that a busy machine decides nothing."""

    def expire(number: int, frame: FrameType | None) -> None:
        raise Hang

    previous = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


class Lines:
    """Lines of `shared` and `functions` that were ever executed while this was active."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int]] = set()
        self._ours = (str(ROOT / "shared"), str(ROOT / "functions"))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Trace what runs inside."""
        previous = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(previous)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self._ours) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line


class Fuzzer:
    """One target under one seed: the same seed tries the same inputs in the same order."""

    def __init__(self, target: Target, seed: str, wire: Wire) -> None:
        self.target, self.found, self.inputs = target, dict[str, tuple[Case, Broken]](), 0
        self._rng = random.Random(f"{target.name}/{seed}")
        self._wire, self.lines = wire, Lines()
        self._seeds = list(target.seeds())
        self._kept: list[Case] = []
        self.behaviours: set[Any] = set()

    async def run(self, inputs: int) -> None:
        """Try this many inputs more."""
        for _ in range(inputs):
            case = self._seeds[self.inputs] if self.inputs < len(self._seeds) else self._next()
            self.inputs += 1
            try:
                await self._try(case)
            except Broken as broken:
                self.found.setdefault(f"{broken.promise} {_place(broken)}", (case, broken))

    def _next(self) -> Case:
        pool = self._kept if self._kept and self._rng.random() < 0.7 else self._seeds
        case = self._rng.choice(pool)
        for _ in range(self._rng.choice((1, 1, 2, 3))):
            case = self.target.mutate(self._rng, case, self._rng.choice(self._seeds))
        return case

    async def _try(self, case: Case) -> None:
        traced = self._rng.random() < TRACED_SHARE
        before = len(self.lines.seen)
        if traced:
            with self.lines.watched():
                signatures = await attempt(self.target, case, self._wire, CPU_LIMIT_S * 10)
        else:
            signatures = await attempt(self.target, case, self._wire)
        is_new = signatures not in self.behaviours or len(self.lines.seen) > before
        self.behaviours.add(signatures)
        if is_new and len(case.body) <= MAX_KEPT_BYTES:
            if len(self._kept) >= MAX_KEPT:
                self._kept.pop(self._rng.randrange(MAX_KEPT))
            self._kept.append(case)


async def attempt(target: Target, case: Case, wire: Wire, limit_s: float = CPU_LIMIT_S) -> Any:
    """Run one case, and return what tells its behaviour from others.

    Raises:
        Broken: a promise does not hold for it.
    """
    seconds = limit_s + CPU_LIMIT_PER_MB_S * len(case.body) / 1e6
    try:
        with cpu_limit(seconds):
            answers = await target.run(case, wire)
    except Hang:
        raise Broken("hang", f"over {seconds:.1f} s of processor time") from None
    except Broken:
        raise
    except Exception as error:
        raise Broken("exception escapes", f"{type(error).__name__}: {error}") from error
    for answer in answers:
        check(answer)
    return tuple(answer.signature for answer in answers)


def name_of(case: Case) -> str:
    """Return a file's name for a case: the same case, the same name."""
    return f"{case.target}-{hashlib.sha256(repr(case).encode()).hexdigest()[:12]}.json"


def _place(broken: Broken) -> str:
    """Return where an error came from, so that a thousand inputs that break the same thing are one finding."""
    cause = broken.__cause__
    trace = cause.__traceback__ if cause else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else str(broken)
    return "".join(c for c in where if not c.isdigit() or trace)[:160]
