"""How a process of the local stack looks for garbage once it runs."""

from __future__ import annotations

import gc

from shared.serving.collector import NEW_OBJECTS


def settle() -> None:
    """Keep what is there by now, modules, models and intents, out of every look for cycles, and look less often."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
