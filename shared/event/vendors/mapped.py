"""A sender whose members are named in a map of fields: what stands there, and nothing else, is read."""

from __future__ import annotations

import re
from typing import Any

from shared.event.reading import Fact, Payload, Reading, at, fact, joined, words
from shared.field_map import FieldMap

_TIME = re.compile(r"\d:\d\d|^\d{9,}")  # a day alone does not tell two events apart


def read(payload: Payload, fields: FieldMap) -> Reading:
    """Return what the members say that the map names; where they say nothing, nobody is asked."""
    return Reading(
        str(payload.get("type") or payload.get("event_type") or "event")[:60],
        words(payload, fields["words"]),
        fact=_fact(payload, fields),
        email=_first(payload, fields, "email"),
    )


def _fact(payload: Payload, fields: FieldMap) -> Fact:
    """Return the event by its id; where the id is of a thing that changes, with the moment or else the words."""
    key, moment = _first(payload, fields, "id"), _first(payload, fields, "at")
    if "at" not in fields:
        return fact(joined("id", key))
    if isinstance(moment, str | int) and _TIME.search(str(moment)):
        return fact(joined("id", key, moment))
    return fact(joined("id", key), by_words=True)


def _first(payload: Payload, fields: FieldMap, role: str) -> Any:
    found = (at(payload, pointer) for pointer in fields.get(role, ()))
    return next((value for value in found if value not in (None, "")), None)
