"""A guard of the protocol and the change that removes it: the simulation must notice every one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """In `file`, each of the old texts becomes the new one beside it.

    `raises`: a step breaks without the guard, so that I0 is what notices. `seed` is tried before all others: it has
    noticed, and where the runs have changed since nothing is lost but time.
    """

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    raises: bool = False
    seed: int = 0

    def apply(self, source: str) -> str:
        """Return the source without the guard.

        Raises:
            ValueError: the guard is not where it was: this table has to follow the code.
        """
        for old, new in self.changes:
            if source.count(old) != 1:
                raise ValueError(f"{self.name}: {self.file} has {source.count(old)} times {old!r}")
            source = source.replace(old, new)
        return source
