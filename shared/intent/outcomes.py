"""What a handler may raise: three exceptions that say what is known of the effect.

Anything else that escapes a handler counts as `Ambiguous`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


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
