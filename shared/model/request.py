"""A question in, what stands in the request besides its content out: the same through either SDK. Pure.

In the API's own words: both SDKs would else convert the same schema anew for each call, which took a third of its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.model.question import Question

MAX_OUTPUT_TOKENS = 4096  # an answer needs some 100; this only stops a runaway
MAX_OUTPUT_TOKENS_MORE = 1024  # for each further answer of the same call


def request_body(question: Question, thinking: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the members of a `generateContent` request but for `contents`; `thinking`: its thinkingConfig."""
    config = {
        "temperature": 0,
        "maxOutputTokens": max_output_tokens(question.answers),
        "responseMimeType": "application/json",
        "responseSchema": _ordered(question.schema),
    }
    if thinking:
        config["thinkingConfig"] = dict(thinking)
    return {"systemInstruction": {"parts": [{"text": question.instructions}]}, "generationConfig": config}


def max_output_tokens(answers: int) -> int:
    """Return how long the answer to so many questions in one call may be."""
    return MAX_OUTPUT_TOKENS + (answers - 1) * MAX_OUTPUT_TOKENS_MORE


def _ordered(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with the order of every object's members: where it is not said, the API sorts them by name."""
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {name: _ordered(inner) for name, inner in found["properties"].items()}
        found.setdefault("propertyOrdering", list(found["properties"]))
    if "items" in found:
        found["items"] = _ordered(found["items"])
    return found
