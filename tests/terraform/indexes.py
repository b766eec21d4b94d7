"""The composite indexes that terraform/firestore.tf names, and which queries they serve."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# collection, fields that have to be equal, field that orders, whether descending
Index = tuple[str, frozenset[str], str, bool]

ENTRY = re.compile(r'collection = "(\w+)", equal = \[(.*)\], order = "([\w.]+)", direction = "(\w+)"')


def declared() -> set[Index]:
    """Return what stands in the file, which needs no Terraform."""
    text = (ROOT / "terraform/firestore.tf").read_text()
    return {
        (collection, frozenset(re.findall(r'"([\w.]+)"', equal)), order, direction == "DESCENDING")
        for collection, equal, order, direction in ENTRY.findall(text)
    }


def is_served(query: Index, indexes: set[Index]) -> bool:
    """Whether the indexes of this collection, order and direction have all fields that are to be equal: they merge."""
    collection, equal, order, descending = query
    merged = [i[1] for i in indexes if (i[0], i[2], i[3]) == (collection, order, descending) and i[1] <= equal]
    return frozenset().union(*merged) == equal
