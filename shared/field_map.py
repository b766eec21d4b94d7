"""Where a source keeps what is read of its events: `words=/comment/text|/subject,email=/customer_email,id=/event/id`.

The text of a setting in, JSON pointers by their role out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

# What each role means: `words` are all read; of `email`, `id` and `at` the first that is there counts.
ROLES = ("words", "email", "id", "at")
MAX_CHARS = 2_000
_POINTER = re.compile(r"(?:/[\w.@ :$-]{1,100}){1,8}", re.ASCII)

FieldMap = Mapping[str, tuple[str, ...]]


def parse_fields(text: str) -> FieldMap:
    """Return the pointers of each role; none for an empty text.

    Raises:
        ValueError: the text is no such map; the message says what is wrong.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"a map of fields has at most {MAX_CHARS} characters")
    result: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        role, _, pointers = part.partition("=")
        if role not in ROLES or role in result:
            raise ValueError(f"{part!r} must begin with one of {', '.join(f'{r}=' for r in ROLES)}, each once")
        result[role] = tuple(p.strip() for p in pointers.split("|"))
        if wrong := [p for p in result[role] if not _POINTER.fullmatch(p)]:
            raise ValueError(f"{wrong[0]!r} of {role} must be a JSON pointer such as /comment/text")
    if result and "words" not in result:
        raise ValueError("words=... must say where the words are")
    return result


@lru_cache(maxsize=64)
def known_fields(text: str) -> FieldMap:
    """Return the map that a task was read by; a label of the same name that is no map says nothing."""
    try:
        return parse_fields(text)
    except ValueError:
        return {}
