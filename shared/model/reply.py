"""What a Gemini reply means for the task: its answer, or the error that says whether a retry can help. Pure.

Read as the API sends it: what an SDK makes of a reply depends on its age, and both shall say the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import ModelRefused, ModelUnavailable
from shared.model.question import Answer

_BLOCKED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"}
)


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Part(_Camel):
    text: str = ""
    thought: bool = False


class _Content(_Camel):
    parts: list[_Part] = []


class _Candidate(_Camel):
    content: _Content = _Content()
    finish_reason: str = ""


class _Feedback(_Camel):
    block_reason: str = ""


class _Usage(_Camel):
    total_token_count: int = 0
    prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    cached_content_token_count: int = 0


class _Reply(_Camel):
    """What is read of a `GenerateContentResponse` of the REST API."""

    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback = _Feedback()
    usage_metadata: _Usage = _Usage()
    model_version: str = ""


def read_reply(body: Any, model: str, latency_ms: float) -> Answer:
    """Return the answer of the first candidate of a reply, the API's JSON; `model` is what was asked.

    Tokens are the reply's total, or the sum of prompt, answer and thoughts where it has none. What it says of them is
    bounded by itself: no part is more than the whole.

    Raises:
        ModelRefused: `safety_block`, `cut_off` or `empty_answer`, with the tokens it took; no retry would better it.
        ModelUnavailable: this is no reply of the API.
    """
    try:
        reply = _Reply.model_validate(body)
    except ValidationError:
        raise ModelUnavailable("what answered is not the model API") from None
    usage = reply.usage_metadata
    parts = usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    total = max(0, usage.total_token_count or parts)
    read = min(max(0, usage.prompt_token_count), total)
    return Answer(
        text=_text(reply, total),
        model=reply.model_version or model,
        tokens_used=total,
        latency_ms=latency_ms,
        input_tokens=read,
        cached_tokens=min(max(0, usage.cached_content_token_count), read),
    )


def _text(reply: _Reply, tokens_used: int) -> str:
    refused = partial(ModelRefused, tokens_used=tokens_used)
    if blocked := reply.prompt_feedback.block_reason:
        raise refused(f"the prompt was blocked: {blocked}", code="safety_block")
    candidate = reply.candidates[0] if reply.candidates else _Candidate()
    reason = candidate.finish_reason
    if reason in _BLOCKED:
        raise refused(f"the answer was blocked: {reason}", code="safety_block")
    # Half an answer may still parse: the finish reason decides, never the text.
    if reason in ("MAX_TOKENS", "CONTINUATION"):
        raise refused("the answer was cut off at the token limit", code="cut_off")
    # What the model thought aloud is no part of its answer.
    text = "".join(part.text for part in candidate.content.parts if not part.thought)
    if reason != "STOP" or not text:
        raise refused(f"no answer; finish reason {reason or 'missing'}", code="empty_answer")
    return text


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
