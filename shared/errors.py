"""Everything that can go wrong, as one tree whose branches are delivery outcomes.

`shared.serving.entry` maps the tree to HTTP statuses in one place. Codes are stable: scripts may match them.
"""

from __future__ import annotations


class SwitchyardError(Exception):
    """The root. `code` is a stable snake_case word; `message` is safe to show and to log."""

    code = "internal"

    def __init__(self, message: str = "", *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.field = field  # JSON pointer, header or setting that is at fault


class BadRequest(SwitchyardError):
    """Raised when a caller must change the request; answered with `status` and never retried by us."""

    code = "malformed"
    status = 400


class Unauthenticated(BadRequest):
    """Raised for every signature or token failure, always with the same words, so that nothing can be probed."""

    code = "unauthenticated"
    status = 401


class Forbidden(BadRequest):
    """Raised when the caller is known and may not do this."""

    code = "forbidden"
    status = 403


class NotFound(BadRequest):
    """Raised when the path, source or task does not exist."""

    code = "not_found"
    status = 404


class Gone(NotFound):
    """Raised when the task ended and its record was removed since: only its tombstone is left (410)."""

    code = "task_removed"
    status = 410


class Skip(SwitchyardError):
    """Raised when a message has nothing to do here: stale, done, or the lease is held by another delivery."""

    code = "stale"


class MethodNotAllowed(BadRequest):
    """Raised when the path exists and the method does not."""

    code = "method_not_allowed"
    status = 405


class Refused(BadRequest):
    """Raised when the record's state does not allow the change; nothing was written (409)."""

    code = "conflict"
    status = 409


class TooLarge(BadRequest):
    """Raised when a body is over the limit, announced or read (413)."""

    code = "too_large"
    status = 413


class UnsupportedMediaType(BadRequest):
    """Raised when the body is not declared as JSON (415)."""

    code = "unsupported_media_type"
    status = 415


class Unprocessable(BadRequest):
    """Raised when a well-formed decision carries parameters the intent refuses (422)."""

    code = "unprocessable"
    status = 422


class Retry(SwitchyardError):
    """Raised for transient trouble: the message is not acknowledged and comes again (503)."""

    code = "unavailable"
    status = 503

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        field: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, field=field)
        self.retry_after_s = retry_after_s


class StoreUnavailable(Retry):
    """Raised when the store could not be reached; nothing was written."""

    code = "store_unavailable"


class CommitUnknown(Retry):
    """Raised when a commit failed in a way that leaves open whether it was applied: read again and compare."""

    code = "commit_unknown"


class PublishFailed(Retry):
    """Raised when the bus did not acknowledge a message in time; it may or may not have been published."""

    code = "publish_failed"


class ModelUnavailable(Retry):
    """Raised when the model is down, slow or over quota; the message comes again until the model budget ends."""

    code = "model_unavailable"

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        is_overload: bool = False,
        is_timeout: bool = False,
    ) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)
        self.is_overload = is_overload  # it says so itself: 429 or 503
        self.is_timeout = is_timeout  # it was at work when the time was over: that may have cost tokens


class Misconfigured(Retry):
    """Raised when a setting or secret is missing: the caller may retry once an operator has fixed it."""

    code = "misconfigured"


class Conflict(SwitchyardError):
    """Raised by a store when a precondition failed: another writer came first, nothing was written."""

    code = "conflict"


class ModelRefused(SwitchyardError):
    """Raised when the model gave no usable answer (safety block, cut off, empty): a person decides, no retry."""

    code = "model_refused"

    def __init__(self, message: str = "", *, code: str | None = None, tokens_used: int = 0) -> None:
        super().__init__(message, code=code)
        self.tokens_used = tokens_used  # they were billed all the same


class DeclarationError(SwitchyardError):
    """Raised at build and start when an intent folder is wrong; says which file and how to fix it."""

    code = "bad_declaration"


class SettingError(SwitchyardError):
    """Raised at start when an environment variable has an unusable value; `field` names it."""

    code = "bad_setting"
