"""Function calling, as far as an agent with tools needs it: a function that is named like the intent is called once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

CALLED, ANSWERED = "functionCall", "functionResponse"


def reply_to(body: Mapping[str, Any], answer: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the parts of the reply; None where no functions are offered.

    `answer` is {intent, parameters}. The function that is named like the intent is called with those of the parameters
    that it declares; once the last content is a function's response, a sentence says what it was.
    """
    declared = {function["name"]: function for function in _declared(body)}
    if not declared:
        return None
    responses = [part[ANSWERED] for part in body["contents"][-1].get("parts", ()) if ANSWERED in part]
    if responses:
        return [{"text": f"Done: {json.dumps(responses[0].get('response', {}))}"}]
    function = declared.get(answer["intent"])
    if function is None:
        return [{"text": "None of the functions fits."}]
    schema = function.get("parameters") or function.get("parametersJsonSchema") or {}
    arguments = {name: answer["parameters"].get(name) for name in schema.get("properties", {})}
    return [{CALLED: {"name": function["name"], "args": {n: v for n, v in arguments.items() if v is not None}}}]


def characters(body: Mapping[str, Any]) -> int:
    """Return how much of a request is declarations, calls and responses of functions, all of which the API counts."""
    parts = (part for content in body["contents"] for part in content.get("parts", ()))
    exchanged = [part for part in parts if CALLED in part or ANSWERED in part]
    return sum(len(json.dumps(each)) for each in (*_declared(body), *exchanged))


def _declared(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for tool in body.get("tools", ()):
        yield from tool.get("functionDeclarations", ())
