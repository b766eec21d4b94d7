"""When Python looks for cycles of objects: not while an instance starts, seldom afterwards, never among what stays.

Modules, models and clients are made of many objects, none of which goes again: looking through them, over and over
while they come, took a seventh of a cold start.
"""

from __future__ import annotations

import gc

NEW_OBJECTS = 50_000  # between two looks; Python's own 700 make a tenth of a task's time of looks that find nothing


def pause() -> None:
    """Look for no cycles until `resume`."""
    gc.disable()


def resume() -> None:
    """Go on as `settle` says, if it is paused."""
    if not gc.isenabled():
        settle()


def settle() -> None:
    """Look seldom from now on, and not among what is there by now."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
    gc.enable()
