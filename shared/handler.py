"""The contract of a handler: `async def handle(params, ctx) -> str | TaskOutput`, and what it may raise.

The three exceptions say what is known of the effect; anything else that escapes counts as `Ambiguous`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.outbound import Outbound


class HandlerOutcome(Exception):
    """The root of what a handler may raise. `code` is stable and logged; `message` is shown to people."""

    code = "ambiguous"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class NotApplied(HandlerOutcome):
    """Definitely nothing happened, and trying again may help: the task is retried, `retry_after_s` at the earliest."""

    code = "not_applied"

    def __init__(self, message: str = "", *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Permanent(HandlerOutcome):
    """Nothing happened and nothing ever will: the task ends as FAILED."""

    code = "permanent"


class Ambiguous(HandlerOutcome):
    """It may have happened: retried with the same key where the provider honours one, else UNKNOWN."""


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """What a handler did, in words, and the provider's reference to it."""

    output: str
    provider_ref: str | None = None


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a handler gets besides its parameters.

    `effect_key` is the idempotency key to hand to the provider. `deadline` is in seconds of the event loop's clock.
    `approved`: a person saw and approved exactly these parameters.
    `requester` holds the authenticated fields of the event (`{"email": ..., "id": ...}`), never free text.
    `http` is throttled, bound to the intent's provider, and raises the exceptions above by itself.
    `log(event, **fields)` takes a snake_case word and allow-listed fields only.
    """

    task_id: str
    effect_key: str
    attempt: int
    deadline: float
    dry_run: bool
    http: Outbound
    log: Callable[..., None]
    requester: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)  # the provider's settings, see `Provider.options`
    approved: bool = False
