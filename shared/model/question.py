"""The one question put to a model, its unread answer, and the port that every classifier implements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from shared.event.payload import View

NOT_ASKED = "not_asked"  # the code of what was spared


@dataclass(frozen=True, slots=True)
class Question:
    """Everything one model call needs. Only `content` and `view` hold untrusted text, and that masked."""

    instructions: str
    content: str
    schema: Mapping[str, Any]  # OpenAPI subset that the Gemini API takes as response schema
    version: str  # changes whenever instructions or schema do
    view: View = field(repr=False)
    insists: bool = False  # a person wants to know what the model says: it is asked, whatever could be spared
    priority: int = 1  # of the task: who waits for a call is served by it
    alone: bool = False  # whether it must have a call of its own
    nonce: str = ""  # what `content` stands behind, and `instructions` name
    answers: int = 1  # how many are wanted of the one call
    is_last: bool = False  # whether its task has waited long enough: without an answer now somebody else decides


def expected_tokens(question: Question) -> int:
    """Return about how many tokens a call takes, before it says: characters / 4, and 200 for an answer."""
    chars = len(question.instructions) + len(question.content) + len(str(question.schema))
    return chars // 4 + 200 * question.answers


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, unread. `text` should be JSON {intent, parameters, confidence}; the gate reads it."""

    text: str = field(repr=False)
    model: str
    tokens_used: int
    latency_ms: float
    spared: str = ""  # why the model was not asked and a person must look, as `code: words`
    input_tokens: int = 0  # of `tokens_used`, those of the question; 0: the model did not say
    cached_tokens: int = 0  # of `input_tokens`, those that the API still had of earlier calls
    from_cache: bool = False  # whether it was said before, to the very same question
    prompt_version: str = ""  # where it was asked in another form than its question has: beside others, in one call

    def after(self, other: Answer | None) -> Answer:
        """Return this answer with the tokens of another call for the same task, which was not enough, counted in."""
        if other is None:
            return self
        return replace(
            self,
            tokens_used=self.tokens_used + other.tokens_used,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
        )


class Classifier(Protocol):
    """One model call, no retries: the bus is the one place that retries."""

    @property
    def model(self) -> str:
        """Which model answers, as records name it."""

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return the model's answer within `timeout_s` seconds, the wait for a free call among them.

        Raises:
            ModelUnavailable: 429 (with `retry_after_s` when the server names one), 5xx, timeout, no connection.
            ModelRefused: an answer that no retry will better: code `safety_block`, `cut_off`, `empty_answer`
                or `model_rejected_request`.
        """

    async def close(self) -> None:
        """Release connections."""
