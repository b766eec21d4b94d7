"""A payload from a chat in; the member at a place in it, of the type that it has to have, out. Pure.

A signature proves who sends, not what: whatever stands elsewhere, or is of another type, counts as not being there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def at(value: Any, *place: str | int) -> Any:
    """Return what stands at a place, a member's name or an item's number at each step; None where there is nothing."""
    for step in place:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def text_at(value: Any, *place: str | int) -> str:
    """Return the text at a place; empty where there is none."""
    found = at(value, *place)
    return found if isinstance(found, str) else ""


def object_at(value: Any, *place: str | int) -> Mapping[str, Any]:
    """Return the object at a place; an empty one where there is none."""
    found = at(value, *place)
    return found if isinstance(found, dict) else {}


def list_at(value: Any, *place: str | int) -> Sequence[Any]:
    """Return the list at a place; an empty one where there is none."""
    found = at(value, *place)
    return found if isinstance(found, list) else []
