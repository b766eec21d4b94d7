"""How a process of the local stack looks for garbage once it runs."""

from __future__ import annotations

import gc

# New objects between two looks for cycles; Python's own 700 make a tenth of a task's time of looks that find nothing.
NEW_OBJECTS = 50_000


def settle() -> None:
    """Keep what is there by now, modules, models and intents, out of every look for cycles, and look less often."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
