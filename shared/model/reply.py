"""What a Gemini reply means for the task: its text, or the error that says whether a retry can help. Pure.

Both SDK adapters reduce what they received to plain values and end here, so they cannot disagree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from shared.errors import ModelRefused, ModelUnavailable

_BLOCKED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"}
)


def read_text(
    block_reason: str, finish_reason: str, parts: Iterable[tuple[str | None, bool | None]], tokens_used: int
) -> str:
    """Return the answer's text of one candidate; empty strings stand for what the reply did not have.

    `parts` are (text, whether it is a thought): what the model thought aloud is no part of its answer.

    Raises:
        ModelRefused: `safety_block`, `cut_off` or `empty_answer`, with `tokens_used`; no retry would better it.
    """
    refused = partial(ModelRefused, tokens_used=tokens_used)
    if block_reason:
        raise refused(f"the prompt was blocked: {block_reason}", code="safety_block")
    if finish_reason in _BLOCKED:
        raise refused(f"the answer was blocked: {finish_reason}", code="safety_block")
    # Half an answer may still parse: the finish reason decides, never the text.
    if finish_reason in ("MAX_TOKENS", "CONTINUATION"):
        raise refused("the answer was cut off at the token limit", code="cut_off")
    text = "".join(words for words, is_thought in parts if words and not is_thought)
    if finish_reason != "STOP" or not text:
        raise refused(f"no answer; finish reason {finish_reason or 'missing'}", code="empty_answer")
    return text


class Tokens(NamedTuple):
    """What a call took. `cached`: of the input, what the API still had of earlier calls and bills at less."""

    total: int
    input: int
    cached: int


def count_tokens(
    total: int | None, input: int | None, output: int | None, thoughts: int | None, cached: int | None
) -> Tokens:
    """Return the tokens of a call: the reply's total, or the sum of prompt, answer and thoughts where it has none.

    What a reply says is bounded by itself: no part is more than the whole.
    """
    whole = max(0, total or sum(count or 0 for count in (input, output, thoughts)))
    read = min(max(0, input or 0), whole)
    return Tokens(whole, read, min(max(0, cached or 0), read))


def failure(
    status: int, details: Sequence[Any] = (), headers: Mapping[str, str] | None = None
) -> ModelUnavailable | ModelRefused:
    """Return the error of a reply with this HTTP status; its words never repeat what the server or the SDK said.

    A bad key or a retired model hits every task alike and an operator can mend it, so those are retried until the
    model budget ends; any other 4xx is about this one request.
    """
    reasons = {d.get("reason") for d in details if isinstance(d, Mapping)}
    if status in (401, 403, 404) or "API_KEY_INVALID" in reasons:
        return ModelUnavailable(
            f"the model API refused the key or the model (HTTP {status})", code="model_misconfigured"
        )
    if status in (408, 429) or not 400 <= status < 500:
        wait_s = _retry_after_s(details, headers or {})
        return ModelUnavailable(
            f"the model API answered HTTP {status}", retry_after_s=wait_s, is_overload=status in (429, 503)
        )
    return ModelRefused(f"the model API rejected the request (HTTP {status})", code="model_rejected_request")


def _retry_after_s(details: Sequence[Any], headers: Mapping[str, str]) -> float | None:
    """Read google.rpc.RetryInfo ("37s", "0.5s"), else the Retry-After header in seconds."""
    texts = [str(d.get("retryDelay", "")) for d in details if isinstance(d, Mapping)]
    texts.append(f"{headers.get('Retry-After', '')}s")
    seconds = [float(m[1]) for m in map(re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s").fullmatch, texts) if m]
    return next((s for s in seconds if math.isfinite(s)), None)
