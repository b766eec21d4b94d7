"""What a handler may raise: exceptions that say what is known of the effect.

Anything else that escapes a handler counts as `Ambiguous`.
"""

from __future__ import annotations


class HandlerOutcome(Exception):
    """The root of what a handler may raise. `code` is stable and logged; `message` is shown to people."""

    code = "ambiguous"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class NotApplied(HandlerOutcome):
    """Definitely nothing happened, and trying again may help: the task waits, `retry_after_s` at the least.

    It is tried again for as long as the intent's `Limits.patience_s`, however many attempts that takes.
    """

    code = "not_applied"

    def __init__(self, message: str = "", *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class LockedOut(NotApplied):
    """`NotApplied` because the provider does not take our key: the task waits for people to mend that."""

    code = "locked_out"


class Permanent(HandlerOutcome):
    """Nothing happened and nothing ever will: the task ends as FAILED."""

    code = "permanent"


class Ambiguous(HandlerOutcome):
    """It may have happened: retried with the same key where the provider honours one, else UNKNOWN."""


class Pending(HandlerOutcome):
    """The provider took it and has not finished: UNKNOWN at once, never repeated, `reconcile` looks for its end."""

    code = "pending"
