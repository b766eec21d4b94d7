"""`assumptions.json`: everything that the model takes for granted, each with its unit and where it is from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("assumptions.json")


@dataclass(frozen=True, slots=True)
class Assumption:
    """One figure; `source` is where it was read, or why it is assumed."""

    value: float
    unit: str
    source: str


def load() -> dict[str, Assumption]:
    """Return the assumptions by name."""
    return {name: Assumption(**said) for name, said in json.loads(PATH.read_text(encoding="utf-8")).items()}


def values() -> dict[str, float]:
    """Return their values by name."""
    return {name: assumption.value for name, assumption in load().items()}
