"""What some systems need beside them: a Redis, Google's emulators. Started for one run, and stopped with it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from tests.benchmarks.systems import Site


@contextlib.contextmanager
def started(needs: Collection[str], site: Site) -> Iterator[tuple[dict[str, str], list[int]]]:
    """Start services; their addresses as variables, and the processes that count as the system's own.

    Raises:
        StackError: one is not installed here.
    """
    yield {}, []
