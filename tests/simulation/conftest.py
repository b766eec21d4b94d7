"""The process that runs the simulation without one of its guards, once for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.unguarded import Unguarded


@pytest.fixture(scope="session")
def unguarded() -> Iterator[Unguarded]:
    process = Unguarded()
    yield process
    process.close()
