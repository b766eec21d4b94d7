"""Who is asked about a task, and who beside them: what an instance holds of that between two looks at the store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from shared.model.question import Classifier
from shared.model.rules import RULES, Rules
from shared.task.router import Candidate


@dataclass(frozen=True, slots=True)
class Router:
    """Who answers, and the rules that they are told. `version`: its hash; empty: what the settings say."""

    classifier: Classifier
    rules: Rules = RULES
    version: str = ""


@dataclass(frozen=True, slots=True)
class Routing:
    """Who decides, None for what the settings say; and who is asked beside them, within which bounds."""

    current: Router | None = None
    shadow: tuple[Router, Candidate] | None = None

    @property
    def rules(self) -> Rules:
        """How whoever decides is told to answer."""
        return self.current.rules if self.current else RULES


@dataclass(slots=True)
class Held:
    """What one instance has read, and until when it holds, in seconds of the event loop; None: nothing as yet."""

    known: Routing | None = None
    until_s: float = 0.0
    made: dict[str, Router | None] = field(default_factory=dict)  # by version; None: it was refused
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
