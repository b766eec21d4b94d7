"""Versions of the router, who decides, and what a candidate would have done: the documents. Pure.

`routers/{hash}` is a version, kept for ever; `router/current` says which decides, `router/candidate` which is asked
beside it, `router/spent` what that took today; `promotions/{id}` is every change of who decides, `shadows/{task_id}`
what the candidate said about one task.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from shared.canonical import canonical_json, sha256_hex
from shared.task.schemas import Confidence, Model, TaskId

MAX_CONTENT_CHARS = 700_000  # weights in base64: a document holds a mebibyte
MAX_FLIPS = 20  # of a report

Kind = Literal["weights", "prompt", "model"]
Route = Literal["execute", "approve"]
T = TypeVar("T", bound=Model)
Differs = Literal["", "intent", "parameters", "route"]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Chosen = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$", description="A version; empty: what the settings say")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Budget = Annotated[int, Field(ge=1, le=100_000_000)]


class Version(Model):
    """`routers/{hash}`: something that can take the place of what the settings say."""

    kind: Kind
    content: str = Field(
        min_length=1, max_length=MAX_CONTENT_CHARS, repr=False, description="Weights in base64, rules, a model's name"
    )
    about: str = Field(default="", max_length=200, description="What people know it by")
    by: str
    at: datetime

    @property
    def hash(self) -> str:
        """Its name: the SHA-256 of what it is."""
        return hash_of(self.kind, self.content)


class Listed(Model):
    """A version in a list, without its content."""

    hash: str
    kind: Kind
    about: str = ""
    by: str
    at: datetime


class Candidate(Model):
    """`router/candidate`: who is asked beside whoever decides, about what share, for how much a day.

    An empty `hash`: nobody. `tokens_a_day` counts prompt and answer tokens, a day is one of UTC.
    """

    hash: Chosen
    share: Share = 0.0
    calls_a_day: Budget | None = None
    tokens_a_day: Budget | None = None
    by: str
    at: datetime

    @model_validator(mode="after")
    def _has_a_budget(self) -> Candidate:
        if self.hash and self.calls_a_day is None and self.tokens_a_day is None:
            raise ValueError("say calls_a_day or tokens_a_day")
        return self


class Spent(Model):
    """`router/spent`: what candidates took on one day of UTC, also of calls that are still under way."""

    day: str
    calls: int = Field(default=0, ge=0)
    tokens: int = Field(default=0, ge=0)
    last: str = Field(default="", description="What was counted last, so that every write is another")


class Shadow(Model):
    """`shadows/{task_id}`: what the candidate said, and what the same rules would have made of both answers.

    `would` and `decided_route` go by threshold and policy alone: no certificate is required, nobody is drawn, and what
    a requester was given before does not count. `error`: why there is no answer.
    """

    task_id: TaskId
    candidate: Hash
    at: datetime
    model: str
    prompt_version: str
    intent: str
    confidence: Confidence
    would: Route
    decided_intent: str
    decided_route: Route
    differs: Differs
    error: str = ""
    tokens_used: int = Field(default=0, ge=0)
    latency_ms: float = Field(default=0.0, ge=0)
    expire_at: datetime

    @property
    def flips(self) -> bool:
        """Whether it would have run something that now runs otherwise, or not by itself."""
        return self.would == "execute" and self.differs != ""


class Flip(Model):
    """One task that would have run, and otherwise than now."""

    task_id: TaskId
    now: str = Field(description="The intent that was decided on, and its route")
    would: str = Field(description="The intent that would have run")
    confidence: Confidence
    labelled: str | None = Field(description="What a person said that it was")


class Report(Model):
    """What is known of a candidate, from its newest answers.

    `agreed`: the same intent, parameters and route. Of the `judged` tasks people said what they were.
    """

    candidate: Hash
    seen: int = Field(ge=0, description="Tickets it was asked about, counted up to some ten thousand")
    looked_at: int = Field(ge=0, description="Of these the newest, which all else is about")
    since: datetime | None
    until: datetime | None
    failed: int = Field(ge=0, description="No answer")
    agreed: int = Field(ge=0)
    differs: dict[str, int] = Field(description="How many differ first in intent, parameters, route")
    executes: int = Field(ge=0, description="How many it would have run")
    decided_executes: int = Field(ge=0, description="How many whoever decides would have run, by the same rules")
    flips: int = Field(ge=0, description="How many would have run, and otherwise than now")
    examples: list[Flip] = Field(max_length=MAX_FLIPS)
    judged: int = Field(ge=0)
    right: int = Field(ge=0, description="Of the judged, where the candidate named what it was")
    decided_right: int = Field(ge=0, description="Of the judged, where whoever decides did")
    tokens: int = Field(ge=0)
    latency_ms: float = Field(ge=0, description="Median")


class Promotion(Model):
    """`router/current`, and `promotions/{id}` for ever: who decided that a version decides from now on, and why."""

    hash: Chosen
    previous: Chosen
    by: str
    channel: str
    at: datetime
    reason: str = Field(min_length=1, max_length=300)
    report: Report | None = None


def sound(model: type[T], data: Mapping[str, Any] | None) -> T | None:
    """Return what a document says, or None where it is missing or damaged: others may write there, too."""
    try:
        return None if data is None else model.model_validate(data)
    except ValueError:
        return None


def hash_of(kind: Kind, content: str) -> str:
    """Return the name of a version, in hex."""
    return sha256_hex(canonical_json([kind, content]))
