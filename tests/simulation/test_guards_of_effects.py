"""Without any one guard of effects the simulation fails."""

from __future__ import annotations

import pytest

from tests.simulation.guards_of_effects import GUARDS
from tests.simulation.mutations import Mutation
from tests.simulation.removed import must_be_noticed
from tests.simulation.unguarded import Unguarded


@pytest.mark.parametrize("mutation", GUARDS, ids=lambda m: m.name)
def test_removed_guard_is_noticed(mutation: Mutation, unguarded: Unguarded) -> None:
    must_be_noticed(mutation, unguarded)
