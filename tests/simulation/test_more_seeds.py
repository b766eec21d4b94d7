"""The other half of the seeds of every test run, beside the first."""

from __future__ import annotations

import pytest

from tests.simulation.test_simulation import BUDGET, CHUNK, must_hold


@pytest.mark.parametrize("first", range(BUDGET // 2, BUDGET, CHUNK))
def test_invariants_hold(first: int) -> None:
    must_hold(first)
