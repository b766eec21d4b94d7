"""A second look at a task that ran by itself, `audits/{task_id}`: drawn by chance with the task, answered later.

Pure. Times are aware UTC. It holds nothing of the ticket; an open one is never removed, because nobody has seen it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.calibration.betting import START, bet, rings
from shared.canonical import sha256_hex
from shared.task.schemas import Confidence, Model, TaskId

BLIND = 1 / 5  # of the audits: whoever answers names the intent without being shown what the classifier took it for
CLAIMED = 0.95  # of what ran by itself, where no certificate claims another share

AuditVerdict = Literal["right", "wrong_intent", "wrong_parameters"]


class Audit(Model):
    """One task to look at again, and what somebody said of it; `pool` are the intents that `claimed` is claimed of."""

    schema_version: Literal[1] = 1
    task_id: TaskId
    drawn_at: datetime
    intent: str
    confidence: Confidence
    model: str
    prompt_version: str
    above: Confidence = Field(description="The threshold then in force: what was below it could not be drawn")
    claimed: Confidence = Field(description="The share of such answers that was said to be right")
    pool: list[str] = Field(min_length=1, description="The intents of which that was said, together")
    blind: bool = Field(description="Whether the intent is shown only after the answer")
    open: bool = True
    verdict: AuditVerdict | None = None
    said: str | None = Field(default=None, description="The intent that it was, where somebody said so")
    answered_by: str = ""
    answered_at: datetime | None = None

    @property
    def pool_name(self) -> str:
        """What the wealth of the bet against the claim is kept under; one intent is a pool of its own."""
        if len(self.pool) == 1:
            return self.pool[0]
        return f"pool-{sha256_hex(' '.join(sorted(self.pool)).encode())[:16]}"  # no intent has a hyphen


class Wealth(Model):
    """The document `wealth/{pool}`: a bet against the claim, after each answered audit since it was made anew."""

    schema_version: Literal[1] = 1
    since: datetime
    model: str
    claimed: Confidence
    bets: list[float]
    right: int = 0
    counted: int = 0

    @property
    def rings(self) -> bool:
        """Whether the claim is refuted."""
        return rings(self.bets)


def moved(known: Wealth | None, audit: Audit, right: bool, now: datetime, rearmed: Sequence[datetime]) -> Wealth | None:
    """Return the wealth after one more answer; None: it says nothing of the time since a breaker was armed again.

    The bet is made anew where the claim is another one or about another model, and after each of `rearmed`.
    """
    last = max(rearmed, default=None)
    if last is not None and audit.drawn_at <= last:
        return None
    wealth = known
    if (
        wealth is None
        or (wealth.model, wealth.claimed) != (audit.model, audit.claimed)
        or (last is not None and wealth.since <= last)
    ):
        wealth = Wealth(since=now, model=audit.model, claimed=audit.claimed, bets=list(START))
    return wealth.model_copy(
        update={
            "bets": list(bet(wealth.bets, right, audit.claimed)),
            "right": wealth.right + right,
            "counted": wealth.counted + 1,
        }
    )
