"""Whether as many tickets reach their threshold as did when it was proven. Pure."""

from __future__ import annotations

import math

FEWEST = 100  # tickets; of fewer a normal distribution tells little
SUSPICIOUS = 4.0  # standard deviations: by chance once in 16,000 looks


def deviation(acted: int, seen: int, share: float) -> float:
    """Return by how many standard deviations `acted` of `seen` differ from a binomial `share`; 0 where none can."""
    spread = math.sqrt(seen * share * (1 - share))
    return (acted - seen * share) / spread if spread else 0.0
