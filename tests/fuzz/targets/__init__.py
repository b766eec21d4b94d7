"""What is fuzzed: each target knows its seeds, how to change an input of its kind, and what must hold afterwards."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from tests.fuzz.case import Answer, Case
from tests.fuzz.wire import Wire


class Target(Protocol):
    """One way in. `share` is how many of all inputs it gets, in relation to the others."""

    name: str
    share: int

    def seeds(self) -> Sequence[Case]:
        """Return inputs that everything begins with: real ones, one of each kind."""

    def mutate(self, rng: random.Random, case: Case, other: Case) -> Case:
        """Return another input like `case`, perhaps with parts of `other`."""

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        """Meet the case, and return every answer on the way.

        Raises:
            Broken: a promise of this target's own does not hold.
        """
