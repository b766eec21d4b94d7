"""An event loop whose clock jumps to the next timer: hours of waiting in no time, the same every time."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: the clock goes on by what would have been waited."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now_s += max(0.0, timeout or 0.0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for timers alone, from second 0 on, and return what it returns."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


def jumping(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Have a test run so, however slow the machine is."""

    @functools.wraps(test)
    def ran(*given: Any, **named: Any) -> None:
        run(test(*given, **named))

    return ran
