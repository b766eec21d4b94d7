"""The local Gemini API with functions: one call, then a sentence, and what the API counts of both."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from infra.gemini_server import create_app

PATH = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
ORDER = {"type": "OBJECT", "properties": {"order_id": {"type": "STRING"}}}
TOOLS = [{"functionDeclarations": [{"name": "order_status", "parameters": ORDER}, {"name": "hand_over"}]}]


def asked(*contents: dict[str, Any], client: TestClient | None = None, **more: Any) -> dict[str, Any]:
    client = client or TestClient(create_app())
    answer = client.post(PATH, json={"contents": list(contents), **more}, headers={"x-goog-api-key": "k"})
    found: dict[str, Any] = answer.json()
    return found


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def parts(reply: dict[str, Any]) -> Any:
    return reply["candidates"][0]["content"]["parts"]


def test_the_function_that_is_named_like_the_intent_is_called_with_what_it_declares() -> None:
    (part,) = parts(asked(user("where is order #10077"), tools=TOOLS))
    assert part == {"functionCall": {"name": "order_status", "args": {"order_id": "#10077"}}}


def test_what_no_function_is_named_for_is_answered_in_words() -> None:
    assert parts(asked(user("cancel order #10077"), tools=TOOLS)) == [{"text": "None of the functions fits."}]


def test_once_a_function_has_answered_a_sentence_says_what_it_said() -> None:
    response = {"role": "user", "parts": [{"functionResponse": {"name": "order_status", "response": {"is": "here"}}}]}
    (part,) = parts(asked(user("where is order #10077"), response, tools=TOOLS))
    assert part == {"text": 'Done: {"is": "here"}'}


def test_usage_counts_calls_and_tokens_functions_included() -> None:
    client = TestClient(create_app())
    plain, with_tools = (
        asked(user("where is order #10077"), client=client, **more)["usageMetadata"] for more in ({}, {"tools": TOOLS})
    )
    assert plain["promptTokenCount"] < with_tools["promptTokenCount"]
    counted = client.get("/_calls").json()
    assert {name: counted[name] for name in ("calls", "prompt_tokens", "output_tokens")} == {
        "calls": 2,
        "prompt_tokens": plain["promptTokenCount"] + with_tools["promptTokenCount"],
        "output_tokens": plain["candidatesTokenCount"] + with_tools["candidatesTokenCount"],
    }
