"""A small deployment whose figures can be worked out in the head."""

from __future__ import annotations

import math
from typing import Any

from infra.scale import assumed
from infra.scale.deployment import Deployment, Feed, Service
from infra.scale.mix import Ticket

# Nothing takes time but what a test says; a window that nobody fills.
GIVEN = assumed.values() | {
    "processor ms": 0,
    "step ms": 0,
    "answer ms": 0,
    "start s": 0,
    "window": 1_000_000,
    "model requests a minute": math.inf,
}


def deployed(
    *, classify: Service | None = None, run: Service | None = None, feed: Feed | None = None, **calls: Any
) -> Deployment:
    """Return a deployment of `classify` and one executor, `run`, that is never full unless a test says so."""
    services = [classify or Service("classify", 1, 10_000, 1), run or Service("run", 1, 10_000, 1)]
    feeds = dict.fromkeys(("classify", "run"), feed or Feed())
    return Deployment({s.name: s for s in services}, feeds, {"x": "run"}, **{"calls": 10_000, "together": 1, **calls})


def ticket(
    *, runs: str = "run", waits: bool = False, alone: bool = False, model_s: float = 1, handler_s: float = 0
) -> Ticket:
    """Return a ticket that asks the model for a second and then runs in no time."""
    return Ticket(runs, waits, alone, False, model_s, handler_s)
