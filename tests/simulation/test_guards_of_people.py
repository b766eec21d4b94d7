"""Without any one guard of people the simulation fails."""

from __future__ import annotations

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.removed import must_be_noticed
from tests.simulation.unguarded import Unguarded


@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.of == "people"], ids=lambda m: m.name)
def test_removed_guard_is_noticed(mutation: Mutation, unguarded: Unguarded) -> None:
    must_be_noticed(mutation, unguarded)
