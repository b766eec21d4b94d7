"""The contract of a handler: `async def handle(params, ctx) -> str | TaskOutput`; `outcomes` has what it may raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.event.mailbox import same_address
from shared.intent.http import Http


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
    http: Http
    log: Callable[..., None]
    requester: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)  # the provider's settings, see `Provider.options`
    approved: bool = False

    def is_requester(self, address: object) -> bool:
        """Whether the provider's e-mail address is the requester's, however it is written."""
        email = self.requester.get("email", "")
        return bool(email) and same_address(address, email)
