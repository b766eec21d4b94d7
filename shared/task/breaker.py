"""A breaker of an intent, `breakers/{intent}`: open, nothing of it runs that nobody has decided. Pure.

It opens by itself when too much went wrong, and is armed again by a person alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from shared.calibration.certify import lower_bound
from shared.task.schemas import Model

WINDOW = timedelta(hours=24)
FEWEST_BAD = 8  # fewer may be one bad day of one customer
CODE = "breaker"

BreakerCause = Literal["error_budget", "audits"]


class Breaker(Model):
    """`bad` of `seen` decisions were wrong when it opened `at`; who armed it again, and why."""

    schema_version: Literal[1] = 1
    open: bool
    at: datetime = Field(description="When it opened, the last time that it did")
    cause: BreakerCause
    why: str = Field(max_length=300)
    bad: int = Field(ge=0)
    seen: int = Field(ge=0)
    rearmed_at: datetime | None = Field(default=None, description="From then on errors are counted anew")
    rearmed_by: str = ""
    rearm_reason: str = Field(default="", max_length=300)


def is_over_budget(bad: int, seen: int, budget: float) -> bool:
    """Whether more than `budget` of all such decisions are wrong, at a confidence of 95%."""
    return bad >= FEWEST_BAD and lower_bound(min(bad, seen), seen) > budget


def opened(known: Breaker | None, now: datetime, *, cause: BreakerCause, why: str, bad: int, seen: int) -> Breaker:
    """Return the breaker open; one that is open already stays as it is."""
    if known is not None and known.open:
        return known
    fresh = Breaker(open=True, at=now, cause=cause, why=why[:300], bad=bad, seen=seen)
    if known is None:
        return fresh
    kept = {name: getattr(known, name) for name in ("rearmed_at", "rearmed_by", "rearm_reason")}
    return fresh.model_copy(update=kept)


def rearmed(breaker: Breaker, by: str, reason: str, now: datetime) -> Breaker:
    """Return the breaker armed again."""
    return breaker.model_copy(
        update={"open": False, "rearmed_at": now, "rearmed_by": by[:200], "rearm_reason": reason[:300]}
    )


def counts_since(breaker: Breaker | None, now: datetime) -> datetime:
    """Return from when on errors count: a day back, or since it was armed again."""
    day = now - WINDOW
    return max(day, breaker.rearmed_at) if breaker and breaker.rearmed_at else day
