"""The simulation can fail: with any one guard of the protocol removed, it does, within the budget of every test run."""

from __future__ import annotations

import re

from tests.simulation.mutations import Mutation
from tests.simulation.test_simulation import BUDGET, ROOT
from tests.simulation.unguarded import Unguarded


def run_without(mutation: Mutation, unguarded: Unguarded, module: str, *arguments: str) -> str:
    """Run a program of the simulation without this guard, and return what it prints."""
    return unguarded.run(mutation.file, mutation.apply((ROOT / mutation.file).read_text()), module, *arguments)


def must_be_noticed(mutation: Mutation, unguarded: Unguarded) -> None:
    """Run the simulation without this guard, and fail unless it finds what is wrong."""
    for seeds in (range(mutation.seed, mutation.seed + 1), range(BUDGET)):
        which = ["--first", str(seeds.start), "--runs", str(len(seeds))]
        printed = run_without(mutation, unguarded, "tests.simulation", *which, "--jobs", "1")
        if found := re.search(r"^seed \d+: (I\d+)", printed, re.MULTILINE):
            break
    assert found, f"{mutation.name} was not noticed: {printed[-2500:]}"
    assert (found[1] == "I0") == mutation.raises, printed[-3000:]
