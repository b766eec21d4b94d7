"""What the server does instead of answering: named faults, and which one is next."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.gemini_server.several import FAULTS as SEVERAL

# kind -> (HTTP status, google.rpc status, the real API's words)
ERRORS: dict[str, tuple[int, str, str]] = {
    "400": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "401": (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "403": (403, "PERMISSION_DENIED", "The caller does not have permission."),
    "404": (404, "NOT_FOUND", "The model is not found for API version v1beta, or is not supported."),
    "429": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    "500": (500, "INTERNAL", "An internal error has occurred. Please retry."),
    "503": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "504": (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
REPLIES = (
    "ok",
    "hang",  # until the caller hangs up
    "drop",  # the connection closes in the middle of the answer
    "trickle",  # a byte now and then, and never an end
    "not_json",  # 200 with a body that is not JSON
    "bad_gateway",  # 502 with a proxy's HTML page
    "safety_prompt",  # promptFeedback.blockReason, no candidates
    "safety",  # a candidate with finishReason SAFETY
    "max_tokens",  # finishReason MAX_TOKENS with half the answer
    "max_tokens_empty",  # finishReason MAX_TOKENS without parts
    "goes_on",  # finishReason CONTINUATION with half the answer, and a token to ask for the other half
    "no_candidates",
    "stop_empty",  # finishReason STOP without parts
    "malformed",  # text that is not JSON
)
KINDS = frozenset(ERRORS) | frozenset(REPLIES) | frozenset(SEVERAL)


@dataclass(frozen=True, slots=True)
class Step:
    """What one call gets. `text` is a literal answer, `parts` are its literal parts, `usage` replaces the counts of
    tokens; the rest belongs to errors: google.rpc.RetryInfo in seconds, and the Retry-After header."""

    fault: str = "ok"
    text: str | None = None
    parts: Sequence[Mapping[str, Any]] | None = None
    usage: Mapping[str, int] | None = None
    message: str = ""
    retry_delay_s: float | None = None
    retry_after: str | None = None


class Faults:
    """The script, consumed one step per call; when it is used up, faults by rate."""

    def __init__(self, rates: Mapping[str, float] | None = None, seed: int = 0) -> None:
        self._rates = dict(rates or {})
        if unknown := self._rates.keys() - KINDS:
            raise ValueError(f"unknown faults {sorted(unknown)}; known are {sorted(KINDS)}")
        if any(rate < 0 for rate in self._rates.values()) or sum(self._rates.values()) > 1:
            raise ValueError("fault rates must be positive and add up to 1 at most")
        self._script: deque[Step] = deque()
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose

    def script(self, steps: Iterable[str | Mapping[str, Any]]) -> None:
        """Append steps: a fault's name, {"fault": ..., "retry_delay_s": ..., "message": ...}, {"text": ...} or
        {"parts": [...]}.

        Raises:
            ValueError: a step cannot be understood; none was appended.
        """
        self._script.extend([_step(raw) for raw in steps])

    def next(self) -> Step:
        """Return what the next call gets."""
        if self._script:
            return self._script.popleft()
        point = self._random.random()
        for kind, rate in self._rates.items():
            point -= rate
            if point < 0:
                return Step(kind)
        return Step()


def _step(raw: str | Mapping[str, Any]) -> Step:
    try:
        step = Step(raw) if isinstance(raw, str) else Step(**raw)
    except TypeError as error:
        raise ValueError(f"cannot read the step {raw!r}") from error
    if step.fault not in KINDS:
        raise ValueError(f"unknown fault {step.fault!r}; known are {sorted(KINDS)}")
    return step
