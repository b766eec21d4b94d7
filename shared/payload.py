"""The view of a payload that classification may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class View:
    texts: Mapping[str, str]
    fields: Mapping[str, Any]
